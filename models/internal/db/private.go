package db

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
)

// makePrivate makes an SQLite database, which it creates if there is none, and the files that SQLite keeps beside it
// readable by their owner alone, whatever the umask is and whatever their modes were. Files that SQLite creates later
// get the mode of the database. A file whose mode cannot be changed is logged.
func makePrivate(file string, log *slog.Logger) {
	_ = createPrivate(file) // if it fails, the file exists, or SQLite reports why it cannot be created
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if err := removeOthersAccess(file + suffix); err != nil {
			log.Warn("a file of the database may be read by others on this machine", "file", file+suffix, "error", err)
		}
	}
}

// createPrivate creates an empty file. It never opens one that exists: closing it would release the locks that SQLite
// holds on it for this process.
func createPrivate(file string) error {
	created, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return created.Close()
}

// removeOthersAccess makes a file, if it exists, readable and writable by its owner alone.
func removeOthersAccess(file string) error {
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	return os.Chmod(file, 0o600)
}
