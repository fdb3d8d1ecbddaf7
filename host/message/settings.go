package message

import "time"

// Settings are the values of the Configuration Guide that mail depends on.
type Settings struct {
	// StoreName is TiendaNombre, Language TiendaIdioma (BCP 47), Currency TiendaMoneda (ISO 4217).
	StoreName string
	Language  string
	Currency  string
	// Policy is the text of data handling in the store's languages, by BCP 47 code.
	Policy map[string]string
	// WebAddress is where customers reach the web pages, without a slash at the end.
	WebAddress string

	// Server is CorreoServidor; while it is empty mail goes to the spool. Port 0 means the usual one of
	// Encryption (25, 587 or 465).
	Server     string
	Port       int
	Username   string
	Password   string
	Encryption Encryption
	// Sender is CorreoRemitente, the address in From and in the envelope; SenderName stands beside it.
	Sender     string
	SenderName string
	// Returns is CorreoRebotes, the address to which mails come back (see ReturnPath); empty is Sender. ReturnKey proves
	// that a return path was made here.
	Returns   string
	ReturnKey []byte
	// Connections is CorreoSimultaneos: how many mails leave at a time; 0 means 8.
	Connections int

	// Place is the time zone of the store; nil means this machine's.
	Place *time.Location
	// Quiet is when no advertising leaves.
	Quiet Hours
	// PromotionsMost is how many advertising mails a customer gets in PromotionsDays at most; 0 means as many as come.
	PromotionsMost, PromotionsDays int
}

func (s Settings) place() *time.Location {
	if s.Place == nil {
		return time.Local
	}
	return s.Place
}

func (s Settings) connections() int {
	if s.Connections <= 0 {
		return 8
	}
	return min(s.Connections, mostConnections)
}

// mostConnections is how many mails leave at a time at most.
const mostConnections = 64

// Encryption is CorreoCifrado: how the line to the mail server is protected.
type Encryption string

// The ways to protect the line.
const (
	// EncryptionNone leaves the line open: for a server on the same machine or network.
	EncryptionNone Encryption = "none"
	// EncryptionSTARTTLS wants RFC 3207 and sends nothing to a server that does not offer it.
	EncryptionSTARTTLS Encryption = "starttls"
	// EncryptionTLS begins with TLS (RFC 8314).
	EncryptionTLS Encryption = "tls"
)
