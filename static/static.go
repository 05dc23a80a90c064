// Package static holds what browsers load beside the pages, embedded into the
// program.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

//go:embed app.css console.css app.js drawings
var files embed.FS

//go:embed sw.js
var serviceWorker []byte

// ServiceWorker is the script that keeps the cashier view for when there is no
// signal.
func ServiceWorker() []byte { return serviceWorker }

// asset is one file, ready to be sent.
type asset struct {
	version      string // a piece of the hash of its content
	contentType  string
	plain, small []byte // small is compressed, nil where that gains nothing
}

var assets = readAll()

func readAll() map[string]asset {
	all := map[string]asset{}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		all[name], err = read(name)
		return err
	})
	if err != nil {
		panic(err) // an embedded file that cannot be read is a broken build
	}
	return all
}

func read(name string) (asset, error) {
	content, err := files.ReadFile(name)
	sum := sha256.Sum256(content)
	a := asset{version: hex.EncodeToString(sum[:6]), contentType: mime.TypeByExtension(path.Ext(name)), plain: content}
	var small bytes.Buffer
	w, _ := gzip.NewWriterLevel(&small, gzip.BestCompression) // a level that exists
	_, wErr := w.Write(content)
	if err := errors.Join(err, wErr, w.Close()); err != nil {
		return a, err
	}
	if small.Len() < len(content) {
		a.small = small.Bytes()
	}
	return a, nil
}

// URL is the address of a file. It changes with the file's content, so that
// browsers may keep what it gives for ever.
func URL(name string) string { return "/static/" + name + "?v=" + assets[name].version }

// ServeHTTP serves the files under /static/, which were compressed once, at the
// start.
func ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a, known := assets[strings.TrimPrefix(r.URL.Path, "/static/")]
	if !known {
		http.NotFound(w, r)
		return
	}
	header := w.Header()
	header.Set("Content-Type", a.contentType)
	header.Set("Vary", "Accept-Encoding")
	header.Set("Cache-Control", "no-cache")
	if r.URL.RawQuery == "v="+a.version {
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	content, tag := a.plain, a.version
	if a.small != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		content, tag = a.small, a.version+"-gzip" // other bytes, another tag
		header.Set("Content-Encoding", "gzip")
	}
	header.Set("ETag", `"`+tag+`"`)
	header.Set("Content-Length", strconv.Itoa(len(content)))
	if r.Method == http.MethodGet && r.Header["Range"] == nil && r.Header["If-None-Match"] == nil {
		_, _ = w.Write(content) // who asks for all of it, as most do, gets it without a copy
		return
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}
