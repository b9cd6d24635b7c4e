package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/format/abuse"
	"github.com/tocsin-csirt/tocsin/internal/format/dmarc"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
	"github.com/tocsin-csirt/tocsin/internal/kit/tongue"
)

// parseRounds is how often a round reads each file of the collections.
const parseRounds = 3

// parse measures how long one mail of the collections takes to be read: its tree, its text, its files, the reports and the mails in it, its language. The
// collections have other licences and are read where they lie.
func parse(context.Context) (func(context.Context) (result, error), func(), error) {
	root := os.Getenv("TOCSIN_SHARED")
	if root == "" {
		root = filepath.Join("..", "shared")
	}
	var all [][]byte
	for _, kind := range []string{"mime", "pgp-mime", "abuse-mail", "xarf", "dmarc"} {
		dir := filepath.Join(root, "data", "samples", kind)
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Dir(path) == dir {
				return err
			}
			raw, err := os.ReadFile(path)
			if strings.HasSuffix(path, ".json") {
				raw = append([]byte("From: a@b.example\r\nContent-Type: application/json\r\n\r\n"), raw...)
			}
			all = append(all, raw)
			return err
		})
		if err != nil {
			return nil, nil, errors.Join(errors.New("the sample mails are missing; set TOCSIN_SHARED to their folder"), err)
		}
	}
	return func(context.Context) (result, error) {
		var r result
		for range parseRounds {
			for _, raw := range all {
				began := time.Now()
				m := mail.Parse(raw)
				body := m.Body()
				m.Attachments()
				m.Automatic()
				abuse.In(m)
				for _, inner := range m.Inner() {
					inner.Body()
				}
				for _, p := range m.Parts {
					if len(p.Parts) == 0 {
						_, _ = dmarc.Read(p.Bytes)
					}
				}
				tongue.Of(m.Subject() + "\n" + body.Text)
				r.latencies = append(r.latencies, time.Since(began))
				r.items++
			}
		}
		return r, nil
	}, func() {}, nil
}
