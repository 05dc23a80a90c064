package sandbox

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// What merchants of gateways that are run offline are known by. The stand-alone one,
// of the command jokul, is the same on every machine.
const (
	EmbeddedClientID    = "MCH-0000-EMBEDDED"
	StandaloneClientID  = "MCH-0000-STANDALONE"
	StandaloneSecretKey = "SK-standalone-not-a-secret"
)

// randomKeyPrefix begins every key that is made here: it is told from DOKU's by it.
const randomKeyPrefix = "SK-embedded-"

// IsOfflineClientID reports whether a Client-Id is one that DOKU does not know.
func IsOfflineClientID(id string) bool { return id == EmbeddedClientID || id == StandaloneClientID }

// IsOfflineKey reports whether a Secret Key is of a gateway that is run offline.
func IsOfflineKey(key string) bool {
	return key == StandaloneSecretKey || strings.HasPrefix(key, randomKeyPrefix)
}

// SecretKey returns the key that both sides sign with, for the merchant who is to
// know it.
func (s *Server) SecretKey() string { return s.cfg.SecretKey }

// chooseKey takes the key of the configuration, or else that of the state file, or
// else makes one and keeps it there.
func (s *Server) chooseKey() error {
	if s.cfg.SecretKey != "" {
		return nil
	}
	if s.state.secretKey == "" {
		if err := s.commit(change{SecretKey: randomKeyPrefix + rand.Text()}); err != nil {
			return err
		}
	}
	s.cfg.SecretKey = s.state.secretKey
	return nil
}

// StoredKey reads the key that a Server has made and kept in its state file, which
// may be in use.
func StoredKey(stateFile string) (string, error) {
	file, err := os.Open(stateFile)
	if err != nil {
		return "", err
	}
	defer file.Close()
	st := newState()
	lines := bufio.NewReader(file)
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) { // a line without its end is being written
			return "", fmt.Errorf("state file %s holds no key: its gateway was given one", stateFile)
		}
		if err == nil {
			err = replayLine(n, line, place{}, &st)
		}
		if err != nil || st.secretKey != "" {
			return st.secretKey, err
		}
	}
}

// makePrivate takes a file from everybody but its owner.
func makePrivate(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	return os.Chmod(path, 0o600)
}
