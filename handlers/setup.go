package handlers

// Setup is what the set-up check has to be told of the settings. It holds no
// secret.
type Setup struct {
	Environment string // embedded, sandbox or production
	GatewayURL  string
	OddSecret   bool   // the Secret Key begins or ends with a space, a quote or a line feed
	Database    string // its kind, such as sqlite
	MailFrom    string // of mail that really leaves; empty when none does
}
