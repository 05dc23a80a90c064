package models

import (
	"fmt"

	"warungjokul/models/internal/db"
)

// Lock takes the database at databaseURL for this process, where only one may work on it: an SQLite file, whose
// second shop would not hear what the first one changes. It lasts until unlock, or until the process ends in whatever
// way. Programs that read the file or copy it take no notice. Several shops may work on a PostgreSQL database.
func Lock(databaseURL string) (unlock func() error, err error) {
	database, err := db.Parse(databaseURL)
	if err != nil {
		return nil, err
	}
	if unlock, err = database.Lock(); err != nil {
		return nil, fmt.Errorf("DATABASE_URL %s: %w", database, err)
	}
	return unlock, nil
}
