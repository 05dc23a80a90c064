package sandbox

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// journalHeader is the first line of a state file. A file without it is not
// ours, and compacting it would destroy somebody's work.
const journalHeader = `{"warungjokul_sandbox_state":1}`

// A journal is a state file: one line per change. A write that reached the kernel
// survives the death of the process, which is what a sandbox needs; it does not
// sync to disk. A nil journal keeps nothing.
type journal struct {
	path string
	file *os.File
	size int64        // length of the good lines
	lock *flock.Flock // held until close
}

// A place is where a line begins, and how long it is. That of a nil journal is
// nowhere.
type place struct {
	offset int64
	length int
}

// openJournal takes the state file at path for this process alone, reads it and
// compacts it. An empty path is no file and no journal.
func openJournal(path string) (*journal, state, error) {
	if path == "" {
		return nil, newState(), nil
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // all names of a file lead to one lock
	}
	if info, err := os.Stat(path); err == nil && links(info) > 1 {
		return nil, newState(), fmt.Errorf("state file %s has %d names (hard links), and a sandbox could be running on each: remove all but one",
			path, links(info))
	}
	lock, err := lockJournal(path)
	if err != nil {
		return nil, newState(), err
	}
	j, st, err := compactJournal(path)
	if err != nil {
		return nil, st, errors.Join(err, lock.Unlock())
	}
	j.lock = lock
	return j, st, nil
}

// lockJournal locks the state file at path until Unlock, or until the process
// ends in whatever way. The lock is on a file beside it, because compacting replaces
// the state file itself. Where somebody removes that one, isLocked tells.
func lockJournal(path string) (*flock.Flock, error) {
	lock := flock.New(path+".lock", flock.SetPermissions(0o600))
	switch locked, err := lock.TryLock(); {
	case err == nil && locked:
		if err := makePrivate(path + ".lock"); err != nil {
			return nil, errors.Join(fmt.Errorf("lock state file %s: %w", path, err), lock.Unlock())
		}
	case err != nil:
		return nil, fmt.Errorf("lock state file %s: %w", path, err)
	case !locked:
		return nil, fmt.Errorf("state file %s is in use by another sandbox: stop that one, or give this one a file of its own", path)
	}
	return lock, nil
}

// compactJournal reads what path holds and goes on in a copy of it, without what
// has been overtaken, which takes its place.
func compactJournal(path string) (*journal, state, error) {
	old, before, err := readJournal(path)
	if err != nil {
		return nil, before, fmt.Errorf("read state file %s: %w", path, err)
	}
	temporary := path + ".new"
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) { // left behind by a stop halfway
		return nil, before, errors.Join(fmt.Errorf("rewrite state file %s: %w", path, err), old.close())
	}
	size, after, err := rewrite(temporary, before.changes(old))
	// Some systems do not rename a file that is open, or over one that is.
	if err = errors.Join(err, old.close()); err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		return nil, after, fmt.Errorf("rewrite state file %s: %w", path, err)
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0o600)
	if err != nil {
		return nil, after, fmt.Errorf("open state file: %w", err)
	}
	return &journal{path: path, file: file, size: size}, after, nil
}

// readJournal reads the file at path; one that is not there is empty.
func readJournal(path string) (*journal, state, error) {
	st := newState()
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, st, nil
	}
	if err != nil {
		return nil, st, err
	}
	j := &journal{path: path, file: file}
	if err := j.replay(&st); err != nil {
		return nil, st, errors.Join(err, file.Close())
	}
	return j, st, nil
}

// replay applies the lines to st. A last line without its end was being written
// when the process died; its change was never answered for.
func (j *journal) replay(st *state) error {
	lines := bufio.NewReader(j.file)
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return tornLine(n, line)
		}
		if err != nil {
			return err
		}
		if err := replayLine(n, line, place{j.size, len(line)}, st); err != nil {
			return err
		}
		j.size += int64(len(line))
	}
}

// tornLine tells a file that was cut while it was ours from one that never was.
func tornLine(n int, line []byte) error {
	if n == 1 && !bytes.HasPrefix([]byte(journalHeader), line) {
		return errors.New("it is not a state file of this sandbox")
	}
	return nil
}

func replayLine(n int, line []byte, at place, st *state) error {
	if n == 1 {
		if string(bytes.TrimSpace(line)) != journalHeader {
			return errors.New("it is not a state file of this sandbox")
		}
		return nil
	}
	var c change
	if err := decodeStrict(bytes.NewReader(line), &c); err != nil {
		return fmt.Errorf("line %d is damaged (%w); move the file away to start afresh", n, err)
	}
	st.apply(c, at)
	return nil
}

// rewrite makes a file of changes. It returns the state they make, with its codes
// where they are in that file, and how long it is.
func rewrite(path string, changes iter.Seq2[change, error]) (size int64, st state, err error) {
	st = newState()
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, st, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	j := &journal{path: path, file: file}
	if _, err := j.append([]byte(journalHeader + "\n")); err != nil {
		return 0, st, err
	}
	for c, err := range changes {
		if err != nil {
			return 0, st, err
		}
		at, err := j.write(c)
		if err != nil {
			return 0, st, err
		}
		st.apply(c, at)
	}
	return j.size, st, nil
}

// write appends c and tells where.
func (j *journal) write(c change) (place, error) {
	if j == nil {
		return place{}, nil
	}
	return j.append(marshalLine(c))
}

// isLocked fails where the lock file is not the one that was locked any more, so that
// another sandbox may have the state file.
func (j *journal) isLocked() error {
	if j.lock == nil { // a file that is being compacted
		return nil
	}
	held, err := j.lock.Stat()
	if err != nil {
		return err
	}
	if now, err := os.Stat(j.lock.Path()); err != nil || !os.SameFile(now, held) {
		return fmt.Errorf("the lock file %s was removed or replaced, and another sandbox may have the state file; stop this one", j.lock.Path())
	}
	return nil
}

// append adds a line in one write. What a full disk cut short is taken back. A
// file that somebody else has cut or written to is left alone: nothing that is
// added to it could be read again. So is one that another sandbox may have.
func (j *journal) append(line []byte) (place, error) {
	at := place{j.size, len(line)}
	if err := j.isLocked(); err != nil {
		return at, err
	}
	info, err := j.file.Stat()
	if err == nil && info.Size() != j.size {
		err = j.spoilt()
	}
	if err != nil {
		return at, err
	}
	if _, err := j.file.WriteAt(line, at.offset); err != nil {
		return at, errors.Join(err, j.file.Truncate(j.size))
	}
	j.size += int64(len(line))
	return at, nil
}

// code reads the payment code of the change at a place again.
func (j *journal) code(at place) (paymentCode, error) {
	line := make([]byte, at.length)
	if _, err := j.file.ReadAt(line, at.offset); errors.Is(err, io.EOF) {
		return paymentCode{}, j.spoilt()
	} else if err != nil {
		return paymentCode{}, err
	}
	var c struct{ Code *paymentCode }
	if json.Unmarshal(line, &c) != nil || c.Code == nil {
		return paymentCode{}, j.spoilt()
	}
	return *c.Code, nil
}

// spoilt is what there is to say of a file that is not as it was left.
func (j *journal) spoilt() error {
	return fmt.Errorf("state file %s has been changed by somebody else; stop, and start again, afresh if it is damaged", j.path)
}

func (j *journal) close() error {
	if j == nil {
		return nil
	}
	err := j.file.Close()
	if j.lock != nil { // not while a file is being compacted
		err = errors.Join(err, j.lock.Unlock())
	}
	return err
}
