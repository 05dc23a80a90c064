package db

import "testing"

func TestSQLiteSettings(t *testing.T) {
	s := openEntries(t)
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1",
		"busy_timeout": "2000", "temp_store": "2", "wal_autocheckpoint": "8000"} {
		var got string
		if err := s.write.Raw("PRAGMA " + pragma).Scan(&got).Error; err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", pragma, got, err, want)
		}
	}
	if err := s.read.Exec("DELETE FROM entries").Error; err == nil {
		t.Error("the pool for reading can write")
	}
}
