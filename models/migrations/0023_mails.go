package migrations

import "gorm.io/gorm"

// mailsAboutCases: mails about money and decisions are tried for days, and found among what was never sent.
func mailsAboutCases(tx *gorm.DB) error {
	return inOrder(tx, "CREATE INDEX mails_about_cases ON mails (send_at) WHERE case_id <> 0 AND sent_at IS NULL")
}
