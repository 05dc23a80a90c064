package views

// demoSamples are the set-up check, the panel of the embedded gateway, and the tour.
func demoSamples() []Sample { return nil }
