package page

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

//go:embed static
var static embed.FS

// Prefix is where assets live on every surface.
const Prefix = "/static/"

// asset is one file in the forms in which it is sent.
type asset struct {
	name        string // with the hash of its content
	contentType string
	etag        string
	plain       []byte
	gzip        []byte // nil for fonts, which are compressed already
}

type shelf struct {
	byLogical map[string]*asset
	byName    map[string]*asset
}

// shelved compresses and names the built-in files once; what they are is fixed when the program is built.
var shelved = sync.OnceValues(stock)

func stock() (*shelf, error) {
	s := &shelf{byLogical: map[string]*asset{}, byName: map[string]*asset{}}
	for _, dir := range []string{"fonts", "htmx", "js"} {
		entries, err := fs.ReadDir(static, "static/"+dir)
		if err != nil {
			return nil, fmt.Errorf("read assets: %w", err)
		}
		for _, e := range entries {
			if path.Ext(e.Name()) == ".txt" {
				continue
			}
			raw, err := fs.ReadFile(static, path.Join("static", dir, e.Name()))
			if err != nil {
				return nil, fmt.Errorf("read assets: %w", err)
			}
			if err := s.add(e.Name(), raw); err != nil {
				return nil, err
			}
		}
	}
	sprite, err := sprite()
	if err != nil {
		return nil, err
	}
	if err := s.add("icons.svg", sprite); err != nil {
		return nil, err
	}
	for name, parts := range sheets() {
		css, err := s.sheet(parts)
		if err != nil {
			return nil, err
		}
		if err := s.add(name, css); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *shelf) add(logical string, raw []byte) error {
	sum := sha256.Sum256(raw)
	hash := hex.EncodeToString(sum[:])[:10]
	ext := path.Ext(logical)
	a := &asset{name: strings.TrimSuffix(logical, ext) + "." + hash + ext, etag: `"` + hash + `"`, plain: raw}
	switch ext {
	case ".woff2":
		a.contentType = "font/woff2"
	case ".js":
		a.contentType = "text/javascript; charset=utf-8"
	default:
		a.contentType = mime.TypeByExtension(ext)
	}
	if ext != ".woff2" {
		if err := a.compress(); err != nil {
			return fmt.Errorf("compress %s: %w", logical, err)
		}
	}
	s.byLogical[logical], s.byName[a.name] = a, a
	return nil
}

func (a *asset) compress() error {
	var b bytes.Buffer
	zw, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := zw.Write(a.plain); err != nil {
		return err
	}
	if err := zw.Close(); err != nil {
		return err
	}
	a.gzip = b.Bytes()
	return nil
}

// Asset gives the address of a built-in file by its logical name, for example "desk.css". An unknown name is a mistake in
// a template; it gives an address that answers 404, which the page tests refuse.
func Asset(logical string) string {
	s, err := shelved()
	if err != nil {
		return Prefix + "unknown"
	}
	if a, ok := s.byLogical[logical]; ok {
		return Prefix + a.name
	}
	return Prefix + "unknown/" + logical
}

// Assets serves the built-in files below Prefix. Only names with the right hash are known, so that an answer never changes.
// It fails only if the program was built with broken assets.
func Assets() (http.Handler, error) {
	s, err := shelved()
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := s.byName[strings.TrimPrefix(r.URL.Path, Prefix)]
		if !ok {
			http.NotFound(w, r)
			return
		}
		a.serve(w, r)
	}), nil
}

func (a *asset) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Content-Type", a.contentType)
	h.Set("ETag", a.etag)
	h.Add("Vary", "Accept-Encoding")
	if r.Header.Get("If-None-Match") == a.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := a.plain
	if len(a.gzip) > 0 && accepts(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = a.gzip
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		_, _ = io.Copy(w, bytes.NewReader(body)) // the reader went away: nothing to do
	}
}

// accepts tells whether an Accept-Encoding header names the coding and does not forbid it.
func accepts(header, coding string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.TrimSpace(name) == coding {
			return strings.ReplaceAll(q, " ", "") != "q=0"
		}
	}
	return false
}
