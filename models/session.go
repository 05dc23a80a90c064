package models

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Session is somebody signed in to the console. What the browser holds is kept
// as its hash: who reads the database cannot sign in with it.
type Session struct {
	Hash       string `gorm:"primaryKey"`
	Credential string // what the session was opened with; it holds as long as that does
	CreatedAt  time.Time
	ExpiresAt  time.Time
}

func sessionHash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// OpenSession signs somebody in for a while, and returns what their browser is
// to show. Sessions that are over are forgotten on the way.
func (s *Store) OpenSession(ctx context.Context, credential string, lasts time.Duration) (secret string, err error) {
	now := s.now()
	if err := s.deleteSessions(ctx, "expires_at <= ?", now); err != nil {
		return "", err
	}
	secret = newToken()
	session := Session{Hash: sessionHash(secret), Credential: credential, CreatedAt: now, ExpiresAt: now.Add(lasts)}
	return secret, gorm.G[Session](s.write).Create(ctx, &session)
}

// InSession reports whether a browser that shows secret is signed in with the credential in force.
func (s *Store) InSession(ctx context.Context, secret, credential string) (bool, error) {
	var n int64
	err := s.read.WithContext(ctx).Model(&Session{}).
		Where("hash = ? AND credential = ? AND expires_at > ?", sessionHash(secret), credential, s.now()).Count(&n).Error
	return n > 0, err
}

// passwordHash is the name under which the hash of the console's password is kept.
const passwordHash = "console password"

// PasswordHash returns the hash that is kept of the console's password, if it fits the
// password in force. Otherwise the hash that create makes takes its place. Shops that start
// at the same time on one database get the same.
func (s *Store) PasswordHash(ctx context.Context, fits func(hash []byte) bool, create func() ([]byte, error)) ([]byte, error) {
	var made []byte
	for range tries {
		kept, err := gorm.G[key](s.write).Where("name = ?", passwordHash).Take(ctx)
		none := errors.Is(err, ErrNotFound)
		switch {
		case err != nil && !none:
			return nil, err
		case !none && fits(kept.Value):
			return kept.Value, nil
		}
		if made == nil {
			if made, err = create(); err != nil {
				return nil, err
			}
		}
		if none {
			err = s.write.WithContext(ctx).Clauses(clause.OnConflict{DoNothing: true}).Create(&key{Name: passwordHash, Value: made}).Error
		} else {
			err = s.write.WithContext(ctx).Model(&key{}).Where("name = ? AND value = ?", passwordHash, kept.Value).Update("value", made).Error
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, errors.New("another shop on this database has another CONSOLE_PASSWORD")
}

// CloseSession signs out.
func (s *Store) CloseSession(ctx context.Context, secret string) error {
	return s.deleteSessions(ctx, "hash = ?", sessionHash(secret))
}

// CloseSessions signs everybody out.
func (s *Store) CloseSessions(ctx context.Context) error {
	return s.deleteSessions(ctx, "TRUE")
}

// CloseOtherSessions signs out everybody who signed in with another credential than the one in force.
func (s *Store) CloseOtherSessions(ctx context.Context, credential string) error {
	return s.deleteSessions(ctx, "credential <> ?", credential)
}

func (s *Store) deleteSessions(ctx context.Context, condition string, values ...any) error {
	_, err := gorm.G[Session](s.write).Where(condition, values...).Delete(ctx)
	return err
}
