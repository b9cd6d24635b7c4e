// Package disk writes files that are whole or absent, and on the disk when the write returns.
package disk

import (
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// Folder is a folder whose files are written whole. Its methods may be called at once.
type Folder struct {
	root  *os.Root
	flush func(*os.File) error // brings a file to the disk

	mu    sync.Mutex
	hasty bool
	late  map[string]bool // names written in haste
}

// New writes in a folder that the caller opened and closes.
func New(root *os.Root) *Folder { return &Folder{root: root, flush: (*os.File).Sync} }

// Write gives a file its name last: what fill writes goes to a temporary name, is synced and renamed, and the folders of the name are synced. Of a write that
// failed nothing stays.
func (f *Folder) Write(temporary, name string, fill func(io.Writer) error) (err error) {
	out, err := f.root.OpenFile(temporary, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = out.Close()
			_ = f.root.Remove(temporary)
		}
	}()
	if err := fill(out); err != nil {
		return err
	}
	late := f.later(name)
	if !late {
		if err := f.flush(out); err != nil {
			return err
		}
	}
	if err := out.Close(); err != nil {
		return err
	}
	if err := f.root.Rename(temporary, name); err != nil || late {
		return err
	}
	return f.sync(above(name)...)
}

// Hastily lets fill write without waiting for the disk. When it returns, what was written is there. Fill ends what it began before it returns.
func (f *Folder) Hastily(fill func() error) error {
	f.mu.Lock()
	f.hasty, f.late = true, map[string]bool{}
	f.mu.Unlock()
	err := fill()
	f.mu.Lock()
	f.hasty = false
	f.mu.Unlock()
	dirs := map[string]bool{}
	for name := range f.late {
		if e := f.sync(name); e != nil && !errors.Is(e, os.ErrNotExist) { // it may have been removed since
			err = errors.Join(err, e)
		}
		for _, dir := range above(name) {
			dirs[dir] = true
		}
	}
	return errors.Join(err, f.sync(slices.Sorted(maps.Keys(dirs))...))
}

// later notes a name that is written in haste.
func (f *Folder) later(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.hasty {
		f.late[name] = true
	}
	return f.hasty
}

// above gives the folders of a name, up to the root.
func above(name string) (dirs []string) {
	for dir := filepath.Dir(name); dir != "."; dir = filepath.Dir(dir) {
		dirs = append(dirs, dir)
	}
	return append(dirs, ".")
}

func (f *Folder) sync(names ...string) error {
	for _, name := range names {
		h, err := f.root.Open(name)
		if err != nil {
			return err
		}
		err = f.flush(h)
		if e := h.Close(); err == nil {
			err = e
		}
		if err != nil {
			return err
		}
	}
	return nil
}
