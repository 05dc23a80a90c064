package models

import (
	"crypto/rand"
	"encoding/base64"
)

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails, says crypto/rand
	return b
}

// newToken makes the public name of an order: 128 random bits, so that nobody
// comes across another shopper's page by guessing.
func newToken() string { return base64.RawURLEncoding.EncodeToString(randomBytes(16)) }

// numberPrefix is what every order number begins with.
const numberPrefix = "WJ-"

// newOrderNumber makes a number people can read to each other over the phone:
// no I, L, O or U, 40 random bits.
func newOrderNumber() string {
	const letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	number := []byte(numberPrefix)
	for _, b := range randomBytes(8) {
		number = append(number, letters[b%32])
	}
	return string(number)
}
