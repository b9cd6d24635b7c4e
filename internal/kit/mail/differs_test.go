package mail

// differs is where our reading of a sample is not that of the facts, on purpose, and why.
var differs = map[string]string{
	"enmime/mail/mime-bad-content-type.raw parts":                              "a Content-Type that is none is text/plain and an oddity; the facts keep the broken words as a type",
	"enmime/parts/ctype-invalid-characters.raw type":                           "the same",
	"enmime/parts/ctype-invalid-characters.raw parts":                          "the same",
	"mail/error_emails/content_transfer_encoding_empty.eml subject":            "soft hyphens are made visible (M11)",
	"mail/error_emails/invalid_subject_characters.eml subject":                 "bytes outside UTF-8 are read as windows-1252 and marked, not replaced",
	"mail-parser/mail_malformed_2 parts":                                       "message/rfc822-headers is a leaf: it holds no body to open",
	"mail-parser/mail_test_9 subject":                                          "gb2312 is read as its superset GBK, as senders mean it",
	"mail/mime_emails/raw_email_with_binary_encoded.eml parts":                 "a boundary may begin with equals signs when it is not quoted: the part is found",
	"mail/mime_emails/raw_email_with_binary_encoded.eml filenames":             "the same",
	"mail/attachment_emails/attachment_with_base64_encoded_name.eml filenames": "an unquoted encoded word as a name is decoded, as senders mean it",
	"enmime/mail/malformed-multiple-address-header-values.raw sender":          "all addresses of all From fields are shown (M4), not the first alone",
	"mail/plain_emails/raw_email_multiple_from.eml sender":                     "the same",
	"mail-parser/mail_test_19 sender":                                          "both addresses of a broken From are shown, and the sender is nobody",
	"rspamd/phish_sender.eml sender":                                           "the same",
	"enmime/mail/qp-utf8-header-recursed.raw sender":                           "the reference reader gave up",
	"rspamd/currency.eml sender":                                               "an empty address is no address",
	"rspamd/phish_sender.eml parts":                                            "the boundary of the head stands nowhere: the one in the body is taken, and said to be odd",
	"rspamd/btc3.eml parts":                                                    "the same",
	"mail-parser/mail_malformed_3 parts":                                       "the same",
	"mail/rfc2822/example04.eml to":                                            "the members of a group are shown; its name is no address",
	"mail/rfc2822/example10.eml to":                                            "the same",
	"mail/error_emails/missing_body.eml to":                                    "what looks like an address in a broken field is shown",
	"mail/plain_emails/raw_email_with_at_display_name.eml to":                  "the same: a name that holds an at sign does not swallow the address after it",
	"mail/plain_emails/raw_email_multiple_from.eml to":                         "all addresses of all To fields are shown, not the first alone",
}
