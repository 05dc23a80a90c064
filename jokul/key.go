package jokul

import "errors"

// A Key names one of the Secret Keys that a signature may be made with, not the key
// itself.
type Key string

// The keys that a Client knows.
const (
	KeyCurrent  Key = "current"  // the key given to New
	KeyPrevious Key = "previous" // the key given to WithPreviousSecretKey
)

// WithPreviousSecretKey has signatures verified with the key that was valid before
// the Secret Key was changed in DOKU's Back Office, too: notifications and responses
// that were signed before the change still arrive, and DOKU resends notifications for
// hours. Requests are always signed with the key given to New. Notification.Key and
// Exchange.Key say which key fitted; without the option it is always KeyCurrent. An
// empty key sets nothing.
//
// Remove the previous key when nothing fits it any more: until then, whoever has it
// can sign notifications.
func WithPreviousSecretKey(key string) Option {
	return func(c *Client) error {
		if key == "" {
			c.previousKey = ""
			return nil
		}
		if key == c.secretKey {
			return errors.New("the previous Secret Key is the Secret Key itself")
		}
		c.previousKey = key
		return checkCredential("previous Secret Key", key)
	}
}

// keyOf returns the key that signature was made with, empty when it is neither.
func (c *Client) keyOf(component Component, signature string) Key {
	switch {
	case Verify(c.secretKey, component, signature) == nil:
		return KeyCurrent
	case c.previousKey != "" && Verify(c.previousKey, component, signature) == nil:
		return KeyPrevious
	}
	return ""
}
