package main

import (
	"fmt"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/sample/fill"
)

// options are what a person may change.
type options struct {
	size    fill.Size
	engines []string
	data    string // folder that keeps the databases for the next time; "" for none
	mails   int    // in a round
	wave    int    // suspicious messages of a day; 0 for all of them
	tiny    bool   // a few requests, and no wait for the memory to settle: for a test
}

// The targets of the program.
const (
	alone      = 30 * time.Millisecond
	twenty     = 100 * time.Millisecond
	mailRate   = 300
	burstRate  = 500
	mailAnswer = 250 * time.Millisecond
	lag        = time.Second
	manyFiled  = time.Second           // a stage for 500 organisations, from the press to the answer
	laneRate   = 100                   // suspicious messages of the public: a bad day is done within twenty minutes
	formPage   = 20 * time.Millisecond // p95
	reading99  = 20 * time.Millisecond // of one mail, p99
)

const sizeOfProgram = "size of the program"

// scenarios are all that is measured, in the order of the table. Each database is made when its first scenario needs it, and ended after the last.
func scenarios(o options) (all []scenario, end func()) {
	var worlds []*world
	for _, engine := range o.engines {
		w := &world{engine: engine, options: o}
		worlds = append(worlds, w)
		for _, r := range readings() {
			for _, at := range []struct {
				once   int
				target time.Duration
			}{{1, alone}, {20, twenty}} {
				if r.large {
					at.target = 0
				}
				all = append(all, scenario{
					name: fmt.Sprintf("%s: %s, %d at once", engine, r.name, at.once), p95: at.target, prepare: w.reading(r, at.once),
				})
			}
		}
		all = append(all,
			scenario{name: engine + ": mail of 4 KB from 32 connections, receipt signed and out", rate: mailRate, p99: mailAnswer, prepare: w.mail},
			scenario{name: engine + ": a wave of mail of 4 KB", figure: w.burst},
			scenario{name: engine + ": 500 identical phishing mails from 500 proved senders, answered by one decision", figure: w.sameWave},
			scenario{name: engine + ": public lane, a day's suspicious messages", figure: w.publicLane},
			scenario{name: engine + ": form page, 1 at once", p95: formPage, prepare: w.formPage},
			scenario{name: engine + ": 1,000 reporters at once fill in and send the form", figure: w.crowded},
			scenario{name: engine + ": one submission for 500 organisations, filed by its form", figure: w.manyAffected},
			scenario{name: engine + ": one question to 500 parties, each its own evidence, encrypted to its key", figure: w.asksMany(500, 30*time.Second)},
			scenario{name: engine + ": one question to 5,000 parties, each its own evidence, encrypted to its key", figure: w.asksMany(5000, 5*time.Minute)},
			scenario{name: engine + ": matrix of 500 parties, each asked five typed questions and given five measures, 1 at once", p95: matrixPage, prepare: w.askedMany},
			scenario{name: engine + ": verbs, 8 writers", prepare: w.verb(false)},
			scenario{name: engine + ": what the record takes of a verb, 8 writers", figure: w.record},
			scenario{name: engine + ": entries of the record until numbered, 8 writers", p99: lag, prepare: w.verb(true)},
			scenario{name: engine + ": idle memory, server and key process", figure: w.memory},
			scenario{name: engine + ": most memory while ten mails of 50 MiB come and are filed", figure: w.largeMails(bySMTP)},
			scenario{name: engine + ": most memory while ten mails of 50 MiB come by LMTP and are filed", figure: w.largeMails(byLMTP)},
			scenario{name: engine + ": most memory while ten mails of 50 MiB are fetched by IMAP and filed", figure: w.largeMails(byIMAP)},
		)
		for _, p := range pairs() {
			all = append(all, scenario{name: engine + ": told apart by time, " + p.name, figure: w.alike(p)})
		}
	}
	country := register{5_000, 100_000, 1_000_000}
	if o.tiny {
		country = register{5, 2_000, 10_000}
	}
	all = append(all, scenario{name: "who answers for an address or a domain, 100,000 networks and 1,000,000 domains in memory", figure: owners(country)})
	all = append(all, scenario{name: "one mail of the sample collections is read", p99: reading99, prepare: parse}, scenario{name: sizeOfProgram, figure: binary})
	return all, func() {
		for _, w := range worlds {
			w.end()
		}
	}
}
