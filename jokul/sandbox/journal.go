package sandbox

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// journalHeader is the first line of a state file. A file without it is not
// ours, and compacting it would destroy somebody's work.
const journalHeader = `{"warungjokul_sandbox_state":1}`

// A journal appends one line per change. A write that reached the kernel
// survives the death of the process, which is what a sandbox needs; it does not
// sync to disk. A nil journal keeps nothing.
type journal struct {
	file *os.File
	size int64 // length of the good lines
}

// openJournal reads what path holds, rewrites it without what has been
// overtaken, and opens it for more.
func openJournal(path string) (*journal, state, error) {
	st := newState()
	if path == "" {
		return nil, st, nil
	}
	if err := replay(path, &st); err != nil {
		return nil, st, fmt.Errorf("read state file %s: %w", path, err)
	}
	size, err := compact(path, st.changes())
	if err != nil {
		return nil, st, fmt.Errorf("rewrite state file %s: %w", path, err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, st, fmt.Errorf("open state file: %w", err)
	}
	return &journal{file: file, size: size}, st, nil
}

// replay applies the lines of path to st. A last line without its end was being
// written when the process died; its change was never answered for.
func replay(path string, st *state) error {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewReader(file)
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return tornLine(n, line)
		}
		if err != nil {
			return err
		}
		if err := replayLine(n, bytes.TrimSpace(line), st); err != nil {
			return err
		}
	}
}

// tornLine tells a file that was cut while it was ours from one that never was.
func tornLine(n int, line []byte) error {
	if n == 1 && !bytes.HasPrefix([]byte(journalHeader), line) {
		return errors.New("it is not a state file of this sandbox")
	}
	return nil
}

func replayLine(n int, line []byte, st *state) error {
	if n == 1 {
		if string(line) != journalHeader {
			return errors.New("it is not a state file of this sandbox")
		}
		return nil
	}
	var c change
	if err := decodeStrict(bytes.NewReader(line), &c); err != nil {
		return fmt.Errorf("line %d is damaged (%w); move the file away to start afresh", n, err)
	}
	st.apply(c)
	return nil
}

// compact writes the changes beside path and puts them in its place.
func compact(path string, changes []change) (size int64, err error) {
	var b bytes.Buffer
	b.WriteString(journalHeader + "\n")
	for _, c := range changes {
		b.Write(marshalLine(c))
	}
	temporary := path + ".new"
	if err := os.WriteFile(temporary, b.Bytes(), 0o600); err != nil {
		return 0, err
	}
	return int64(b.Len()), os.Rename(temporary, path)
}

// write appends c in one write. What a full disk cut short is taken back, so
// that the next line does not continue it.
func (j *journal) write(c change) error {
	if j == nil {
		return nil
	}
	n, err := j.file.Write(marshalLine(c))
	if err != nil {
		return errors.Join(err, j.file.Truncate(j.size))
	}
	j.size += int64(n)
	return nil
}

func (j *journal) close() error {
	if j == nil {
		return nil
	}
	return j.file.Close()
}
