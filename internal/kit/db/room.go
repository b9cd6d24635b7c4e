package db

import (
	"fmt"
	"syscall"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

var errRoom = fmt.Errorf("%w (%w)", &errs.Error{
	Kind: errs.Unavailable, Key: "error.disk_reserve", Text: "our disk has little room left, and we keep that for reports we have taken already; nothing of this was kept: call us if it cannot wait, or try again later",
}, syscall.ENOSPC)

// room refuses a lane that would write into what it leaves for others (rule D3).
func (d *DB) room(l Lane) error {
	if d.free == nil || d.shares[l].Keep == 0 || d.Room(l) {
		return nil
	}
	return errRoom
}

// Room tells whether the lane may write: whether more of the disk is free than it leaves. What cannot be measured is not refused.
func (d *DB) Room(l Lane) bool {
	keep := uint64(d.shares[l].Keep)
	if d.free == nil || keep == 0 {
		return true
	}
	free, total, ok := d.free()
	return !ok || free >= min(total/100*keep, keep<<30)
}
