package errs

import (
	"fmt"
	"runtime"
	"strings"
)

// Panic is the error of a recovered panic: where it was raised, its type, and the text of an error of the runtime. Any other text stays out: it may
// be somebody's words, and errors go to the process log and into the queue. It is called by the deferred function that recovered.
func Panic(p any) error {
	what := fmt.Sprintf("%T", p)
	if e, ok := p.(runtime.Error); ok {
		what = e.Error()
	}
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	raised := false
	for {
		f, more := frames.Next()
		if raised && !strings.HasPrefix(f.Function, "runtime.") {
			file := f.File[strings.LastIndexByte(f.File, '/')+1:]
			return fmt.Errorf("panic: %s at %s (%s:%d)", what, f.Function, file, f.Line)
		}
		raised = raised || f.Function == "runtime.gopanic"
		if !more {
			return fmt.Errorf("panic: %s", what)
		}
	}
}
