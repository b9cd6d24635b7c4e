// Command tocsin is the one program of a national CSIRT. See internal/cli for its commands.
package main

import (
	"os"

	"github.com/tocsin-csirt/tocsin/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}
