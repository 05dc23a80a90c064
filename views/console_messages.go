package views

// messageSamples are the console's pages about what was said to and by the gateway.
func messageSamples() []Sample { return nil }
