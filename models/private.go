package models

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
)

// makePrivate has an SQLite database, which it creates where there is none, and the files that SQLite keeps beside it be
// read by their owner alone, whatever the umask is and whatever their modes were. SQLite gives files that it makes beside a
// database the mode of the database. It says in the log of which file it cannot be done.
func makePrivate(file string, log *slog.Logger) {
	_ = createPrivate(file) // it is there, or SQLite says why it cannot be
	for _, end := range []string{"", "-wal", "-shm", "-journal"} {
		if err := tighten(file + end); err != nil {
			log.Warn("a file of the database may be read by others on this machine", "file", file+end, "error", err)
		}
	}
}

// createPrivate creates an empty file. It never opens one that exists: closing it would end the locks that SQLite holds
// on it for this process.
func createPrivate(file string) error {
	created, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return created.Close()
}

// tighten takes a file, if it is there, from everybody but its owner.
func tighten(file string) error {
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	return os.Chmod(file, 0o600)
}
