package main

import (
	"errors"
	"net/netip"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/crypto/bcrypt"
)

// Examples and templates stand for what somebody has still to fill in. A shop that takes one for a value starts, and
// then does nothing right.
var (
	// inBrackets is what templates put around a name.
	inBrackets = regexp.MustCompile(`^(?i:sk-|mch-|brn-)?(<.*>|\[.*\]|\{.*\}|\$\w+|\$\{.*\}|\$\(.*\)|%\w+%)$`)

	// toFillIn is how examples begin, whatever stands between their words.
	toFillIn = regexp.MustCompile(`^(?i:sk-|mch-|brn-)?(?i:your[-_ .]|your(?:secret|client|key|password)|change[-_ ]?(?:me|this|it)|` +
		`replace[-_ ]?(?:me|this|it|with)|insert[-_ ]|enter[-_ ]|paste[-_ ]|fill[-_ ]?in|to[-_ ]?do$|place[-_ ]?holder|example[-_]|dummy)`)

	// justItsName is a value that says what it should be.
	justItsName = regexp.MustCompile(`^(?i:sk-|mch-|brn-)?(?i:(?:jokul|doku|client|secret|shared|console|api|my|the)?[-_ ]?(?:secret|key|id|password|passw0rd)[-_ ]?` +
		`(?:key|id|here|1|12|123)?|example|sample|test|testing|none|null|nil|undefined|false|true|yes|no|rahasia|qwerty\w*|1234567\d*)$`)
)

// isPlaceholder reports whether a value is none yet: what an example has in its place, or nothing but marks, or one
// letter over and over.
func isPlaceholder(value string) bool {
	if value == "" {
		return false
	}
	isWord := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	bare := value
	for _, kind := range []string{"SK-", "MCH-", "BRN-"} {
		bare = strings.TrimPrefix(bare, kind)
	}
	return inBrackets.MatchString(value) || toFillIn.MatchString(value) || justItsName.MatchString(value) ||
		!strings.ContainsFunc(bare, isWord) || strings.Contains(value, "...") || strings.Contains(value, "…") ||
		len(bare) > 3 && strings.Trim(strings.ToLower(bare), strings.ToLower(bare[:1])) == ""
}

// dearestHash is the bcrypt cost that takes some seconds. Each step more takes twice as long.
const dearestHash = 15

var (
	bcryptHash = regexp.MustCompile(`^\$2[aby]?\$\d\d\$[./A-Za-z0-9]{53}$`)
	likeAHash  = regexp.MustCompile(`^\$(?:\d[a-z]?|argon2\w*|scrypt|pbkdf2[\w-]*|y)\$|^\{[A-Z0-9]+\}`)
)

// checkPassword looks at the console's password, which is one or its bcrypt hash.
func (s *settings) checkPassword() error {
	p := s.ConsolePassword
	if p == "" {
		return nil
	}
	cost, _ := bcrypt.Cost([]byte(p)) // 0 where it is no hash
	switch {
	case bcryptHash.MatchString(p) && cost >= bcrypt.MinCost && cost <= dearestHash:
		return nil
	case bcryptHash.MatchString(p):
		return errors.New("CONSOLE_PASSWORD is a bcrypt hash of a cost that is not 4 to 15: signing in would take " +
			"minutes, or never be done")
	case likeAHash.MatchString(p):
		return errors.New("CONSOLE_PASSWORD begins like a hash and is no whole bcrypt hash; give the password, or " +
			"all 60 characters of its hash")
	case len(p) < 8 || len(p) > 72:
		return errors.New("CONSOLE_PASSWORD must be 8 to 72 bytes long, or a bcrypt hash")
	case len(strings.Join(strings.Fields(p), "")) < 8:
		return errors.New("CONSOLE_PASSWORD must be 8 bytes long without its blanks")
	case s.Environment != embedded && isPlaceholder(p):
		return errors.New("CONSOLE_PASSWORD is what examples have in its place, or everybody's first guess; choose one")
	}
	return nil
}

// isPublic reports whether shoppers, and DOKU with its notifications, can reach a host from elsewhere: it is no address
// of this machine or of a private network, and no name that is only known there.
func isPublic(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		ip = ip.Unmap()
		return ip.IsGlobalUnicast() && !ip.IsPrivate() && !sharedAddresses.Contains(ip)
	}
	labels := strings.Split(host, ".")
	last := labels[len(labels)-1]
	if number.MatchString(last) { // 127.1 and 0x7f.1 are addresses to a browser
		return false
	}
	return len(labels) > 1 && !isLocal(host) && last != "local" && last != "internal" && last != "lan"
}

var (
	sharedAddresses = netip.MustParsePrefix("100.64.0.0/10") // of a provider's own network
	number          = regexp.MustCompile(`^(?:\d+|0[xX][0-9a-fA-F]*)$`)
)
