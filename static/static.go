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
	"fmt"
	"io/fs"
	"maps"
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

// contentTypes are said here, not asked of the machine, which may know others.
var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

// asset is one file, ready to be sent.
type asset struct {
	version      string // a piece of the hash of its content
	plain, small *text  // small is compressed, nil where that gains nothing
}

// text is a file's content with its header, whose values all answers share.
type text struct {
	header  http.Header
	content []byte
}

func newText(content []byte, contentType, tag string) *text {
	return &text{content: content, header: http.Header{
		"Content-Type":   {contentType},
		"Content-Length": {strconv.Itoa(len(content))},
		"Vary":           {"Accept-Encoding"},
		"Etag":           {`"` + tag + `"`},
	}}
}

var assets = readAll()

func readAll() map[string]asset {
	all := map[string]asset{}
	compressor, _ := gzip.NewWriterLevel(nil, gzip.BestCompression) // a level that exists
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		all[name], err = read(name, compressor)
		return err
	})
	if err != nil {
		panic(err) // an embedded file that cannot be read is a broken build
	}
	return all
}

func read(name string, compressor *gzip.Writer) (asset, error) {
	content, err := files.ReadFile(name)
	sum := sha256.Sum256(content)
	version, contentType := hex.EncodeToString(sum[:6]), contentTypes[path.Ext(name)]
	a := asset{version: version, plain: newText(content, contentType, version)}
	if contentType == "" {
		err = errors.Join(err, fmt.Errorf("%s: no content type for such a file", name))
	}
	var small bytes.Buffer
	compressor.Reset(&small)
	_, wErr := compressor.Write(content)
	if err := errors.Join(err, wErr, compressor.Close()); err != nil {
		return a, err
	}
	if small.Len() < len(content) {
		a.small = newText(bytes.Clone(small.Bytes()), contentType, version+"-gzip") // other bytes, another tag
		a.small.header.Set("Content-Encoding", "gzip")
	}
	return a, nil
}

// URL is the address of a file. It changes with the file's content, so that
// browsers may keep what it gives for ever.
func URL(name string) string { return "/static/" + name + "?v=" + assets[name].version }

// A file may be kept for as long as its address names its version.
var (
	keep  = []string{"public, max-age=31536000, immutable"}
	check = []string{"no-cache"}
)

// ServeHTTP serves the files under /static/, which were compressed once, at the
// start.
func ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a, known := assets[strings.TrimPrefix(r.URL.Path, "/static/")]
	if !known {
		http.NotFound(w, r)
		return
	}
	sent := a.plain
	if a.small != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		sent = a.small
	}
	header := w.Header()
	maps.Copy(header, sent.header)
	header["Cache-Control"] = check
	if version, named := strings.CutPrefix(r.URL.RawQuery, "v="); named && version == a.version {
		header["Cache-Control"] = keep
	}
	if r.Method == http.MethodGet && r.Header["Range"] == nil && r.Header["If-None-Match"] == nil {
		_, _ = w.Write(sent.content) // who asks for all of it, as most do, gets it without a copy
		return
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(sent.content))
}
