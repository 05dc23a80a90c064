// Package static holds what browsers load beside the pages, embedded into the
// program.
package static

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
)

//go:embed app.css console.css app.js drawings
var files embed.FS

//go:embed sw.js
var serviceWorker []byte

// ServiceWorker is the script that keeps the cashier view for when there is no
// signal.
func ServiceWorker() []byte { return serviceWorker }

// versions maps each file to a piece of the hash of its content.
var versions = hashAll()

func hashAll() map[string]string {
	all := map[string]string{}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := files.ReadFile(name)
		sum := sha256.Sum256(content)
		all[name] = hex.EncodeToString(sum[:6])
		return err
	})
	if err != nil {
		panic(err) // an embedded file that cannot be read is a broken build
	}
	return all
}

// URL is the address of a file. It changes with the file's content, so that
// browsers may keep what it gives for ever.
func URL(name string) string { return "/static/" + name + "?v=" + versions[name] }

// Handler serves the files under /static/.
func Handler() http.Handler {
	server := http.StripPrefix("/static/", http.FileServerFS(files))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Path[min(len("/static/"), len(r.URL.Path)):]
		version, known := versions[name]
		if !known {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Cache-Control", "no-cache")
		if r.URL.Query().Get("v") == version {
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		w.Header().Set("ETag", `"`+version+`"`)
		server.ServeHTTP(w, r)
	})
}
