package jokul_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"testing"

	"warungjokul/jokul"
)

// bare is the least that must be done for a signature: one SHA-256, one HMAC,
// two encodings to base64, over bytes that lie ready.
func bare(body, head []byte) string {
	sum := sha256.Sum256(body)
	h := hmac.New(sha256.New, []byte(testSecret))
	h.Write(head)
	h.Write(base64.StdEncoding.AppendEncode(nil, sum[:]))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// BenchmarkSignature shows what signing and verifying cost beside bare, in one
// run: their ratio is what counts.
func BenchmarkSignature(b *testing.B) {
	v := notificationVector(b)
	body, component := v.body(b), v.component(b)
	head := []byte(component.String()[:len(component.String())-len(component.Digest)])
	signature := jokul.Sign(v.Secret, component)
	b.Run("bare", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			bare(body, head)
		}
	})
	b.Run("sign", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			component.Digest = jokul.Digest(body)
			jokul.Sign(v.Secret, component)
		}
	})
	b.Run("verify", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			component.Digest = jokul.Digest(body)
			if err := jokul.Verify(v.Secret, component, signature); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkParseNotification is what each notification costs before anything is
// kept of it, genuine or not.
func BenchmarkParseNotification(b *testing.B) {
	v := notificationVector(b)
	client, err := jokul.New(v.Headers["Client-Id"], v.Secret)
	if err != nil {
		b.Fatal(err)
	}
	body, header := v.body(b), v.header()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.ParseNotification(v.RequestTarget, header, body); err != nil {
			b.Fatal(err)
		}
	}
}

// Verifying allocates the same for a small body and for the largest.
func TestVerifyAllocatesAConstant(t *testing.T) {
	allocations := func(size int) float64 {
		body := make([]byte, size)
		c := jokul.Component{ClientID: testClientID, RequestID: "r", Timestamp: "t", Target: testTarget, Digest: jokul.Digest(body)}
		signature := jokul.Sign(testSecret, c)
		return testing.AllocsPerRun(100, func() {
			c.Digest = jokul.Digest(body)
			if err := jokul.Verify(testSecret, c, signature); err != nil {
				t.Fatal(err)
			}
		})
	}
	if small, large := allocations(10), allocations(jokul.MaxNotificationSize); small != large {
		t.Errorf("%v allocations for 10 bytes, %v for %d", small, large, jokul.MaxNotificationSize)
	}
}

// FuzzSign holds that what is signed verifies, and that nothing else does.
func FuzzSign(f *testing.F) {
	for _, v := range readVectors(f).Core {
		f.Add(v.Secret, v.Headers["Client-Id"], v.Headers["Request-Id"], v.RequestTarget, v.body(f), 3)
	}
	f.Fuzz(func(t *testing.T, key, clientID, requestID, target string, body []byte, at int) {
		if key == "" {
			return
		}
		c := jokul.Component{ClientID: clientID, RequestID: requestID, Timestamp: "2026-01-01T00:00:00Z", Target: target, Digest: jokul.Digest(body)}
		signature := jokul.Sign(key, c)
		if err := jokul.Verify(key, c, signature); err != nil {
			t.Fatalf("what was signed does not verify: %v", err)
		}
		other := append([]byte{}, body...)
		if len(other) == 0 {
			other = []byte{0}
		} else {
			other[uint(at)%uint(len(other))] ^= 1
		}
		c.Digest = jokul.Digest(other)
		if jokul.Verify(key, c, signature) == nil {
			t.Fatal("another body verifies")
		}
	})
}
