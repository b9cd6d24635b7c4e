package send

import (
	"context"
	"os"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// Folder writes each mail as one .eml file that only its owner may read. A file that is there is whole.
type Folder struct{ root *os.Root }

// NewFolder makes the folder when it is missing.
func NewFolder(dir string) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, errs.Wrap(errs.Unavailable, "make the outbox folder", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, "open the outbox folder", err)
	}
	return &Folder{root}, nil
}

// Send writes the mail, syncs it, and gives it its name last. A mail of the same name is written over: a try that was repeated.
func (f *Folder) Send(_ context.Context, m Mail) Result {
	if m.Name == "" {
		m.Name = id.New()
	}
	if len(m.Name) > 100 || strings.Trim(m.Name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || len(m.Raw) == 0 {
		return Result{State: Refused, Class: Value}
	}
	if err := f.write(m); err != nil {
		return Result{State: Deferred, Class: Disk}
	}
	return Result{State: Delivered, Class: Accepted}
}

func (f *Folder) write(m Mail) error {
	part := "." + id.New() + ".part"
	file, err := f.root.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(m.Raw)
	if err == nil {
		err = file.Sync()
	}
	if e := file.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = f.root.Rename(part, m.Name+".eml")
	}
	if err != nil {
		_ = f.root.Remove(part)
		return err
	}
	dir, err := f.root.Open(".")
	if err != nil {
		return err
	}
	err = dir.Sync()
	_ = dir.Close()
	return err
}

// Close lets the folder go.
func (f *Folder) Close() error { return f.root.Close() }
