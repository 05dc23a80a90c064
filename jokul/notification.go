package jokul

import (
	"fmt"
	"net/http"
)

// MaxNotificationSize is the largest body worth reading, in bytes; a real
// notification has well under 2 KiB. Answer 413 to more.
const MaxNotificationSize = 64 << 10

// Notification is the gateway telling that something happened to a payment.
type Notification struct {
	// RequestID is made by the gateway. A retry carries it again.
	RequestID string

	// Key is the Secret Key that the signature was made with.
	Key Key

	Transaction
}

// ParseNotification verifies a notification and then reads it. target is the
// path of the Notification URL as DOKU knows it, body the bytes as received.
//
// ErrMissingHeader, ErrWrongClientID and ErrInvalidSignature mean it is not
// from DOKU, or not for this merchant: answer 401 and keep nothing.
// ErrMalformed means it is genuine and could not be understood: keep it, tell
// a person, answer 2xx; what could be read of it is returned. Unknown fields
// and fields this package does not need are no error.
//
// Age is not checked: DOKU resends after hours, and by hand after days.
// docs/protocol.md section 7.
func (c *Client) ParseNotification(target string, header http.Header, body []byte) (Notification, error) {
	key, err := c.verifyNotification(target, header, body)
	if err != nil {
		return Notification{}, err
	}
	t, err := decodeTransaction(body)
	return Notification{RequestID: header.Get(HeaderRequestID), Key: key, Transaction: t}, err
}

// SignNotification returns the headers DOKU would send this body with, stamped
// now: for trying out your own Notification URL, whose path is target.
func (c *Client) SignNotification(target, requestID string, body []byte) http.Header {
	component := Component{ClientID: c.clientID, RequestID: requestID, Timestamp: c.now().UTC().Format(TimestampLayout), Target: target, Digest: Digest(body)}
	header := http.Header{"Content-Type": {"application/json"}}
	header.Set(HeaderClientID, component.ClientID)
	header.Set(HeaderRequestID, component.RequestID)
	header.Set(HeaderRequestTimestamp, component.Timestamp)
	header.Set(HeaderSignature, Sign(c.secretKey, component))
	return header
}

func (c *Client) verifyNotification(target string, header http.Header, body []byte) (Key, error) {
	for _, name := range []string{HeaderClientID, HeaderRequestID, HeaderRequestTimestamp, HeaderSignature} {
		if values := header.Values(name); len(values) != 1 || values[0] == "" {
			return "", fmt.Errorf("%w: %s", ErrMissingHeader, name)
		}
	}
	if len(header.Get(HeaderRequestID)) > maxRequestID {
		return "", fmt.Errorf("%w: %s is longer than %d characters", ErrMissingHeader, HeaderRequestID, maxRequestID)
	}
	if header.Get(HeaderClientID) != c.clientID {
		return "", ErrWrongClientID
	}
	key := c.keyOf(Component{
		ClientID:  header.Get(HeaderClientID),
		RequestID: header.Get(HeaderRequestID),
		Timestamp: header.Get(HeaderRequestTimestamp),
		Target:    target,
		Digest:    Digest(body),
	}, header.Get(HeaderSignature))
	if key == "" {
		return "", ErrInvalidSignature
	}
	return key, nil
}

// maxRequestID is the documented length of a Request-Id.
const maxRequestID = 128
