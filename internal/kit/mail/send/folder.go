package send

import (
	"context"
	"io"
	"os"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/kit/disk"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// Folder writes each mail as one .eml file that only its owner may read. A file that is there is whole.
type Folder struct {
	root  *os.Root
	files *disk.Folder
}

// NewFolder makes the folder when it is missing.
func NewFolder(dir string) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, errs.Wrap(errs.Unavailable, "make the outbox folder", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, "open the outbox folder", err)
	}
	return &Folder{root, disk.New(root)}, nil
}

// Send writes the mail, syncs it, and gives it its name last. A mail of the same name is written over: a try that was repeated.
func (f *Folder) Send(_ context.Context, m Mail) Result {
	if m.Name == "" {
		m.Name = id.New()
	}
	if len(m.Name) > 100 || strings.Trim(m.Name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || len(m.Raw) == 0 {
		return Result{State: Refused, Class: Value}
	}
	err := f.files.Write("."+id.New()+".part", m.Name+".eml", func(out io.Writer) error {
		_, err := out.Write(m.Raw)
		return err
	})
	if err != nil {
		return Result{State: Deferred, Class: Disk}
	}
	return Result{State: Delivered, Class: Accepted}
}

// Hastily lets fill send without waiting for the disk; when it returns, the mails are on it.
func (f *Folder) Hastily(fill func() error) error { return f.files.Hastily(fill) }

// Close lets the folder go.
func (f *Folder) Close() error { return f.root.Close() }
