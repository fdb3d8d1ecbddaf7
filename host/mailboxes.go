package host

import (
	"errors"
	"sync"

	"mostrador/host/message/delivery"
	"mostrador/host/message/mailbox"
)

// The settings of the mailbox for what comes back (configguide/core.yaml).
const (
	settingBoxKind       = "CorreoBuzonTipo"
	settingBoxServer     = "CorreoBuzonServidor"
	settingBoxPort       = "CorreoBuzonPuerto"
	settingBoxEncryption = "CorreoBuzonCifrado"
	settingBoxUser       = "CorreoBuzonUsuario"
	settingBoxPassword   = "CorreoBuzonClave"
	settingBoxFolder     = "CorreoBuzonCarpeta"
	settingBoxDone       = "CorreoBuzonCarpetaLeidos"
	settingBoxPath       = "CorreoBuzonRuta"
)

// openBox is the mailbox that is read, for as long as its settings stay the same: it remembers what it could not mark as
// done.
type openBox struct {
	mu     sync.Mutex
	set    mailbox.Settings
	source mailbox.Source
}

// mailboxes are the places from which the supervision of mails reads.
func (h *Host) mailboxes() ([]delivery.Box, error) {
	password, err := h.guide.Secret(settingBoxPassword)
	if err != nil {
		return nil, err
	}
	set := mailbox.Settings{
		Kind: mailbox.Kind(h.guide.Text(settingBoxKind)), Server: h.guide.Text(settingBoxServer), Port: h.guide.Int(settingBoxPort),
		Encryption: mailbox.Encryption(h.guide.Text(settingBoxEncryption)), User: h.guide.Text(settingBoxUser), Password: password,
		Folder: h.guide.Text(settingBoxFolder), Done: h.guide.Text(settingBoxDone), Path: h.guide.Text(settingBoxPath),
	}
	if set.Kind == mailbox.None || set.Kind == "" {
		return nil, nil
	}
	h.box.mu.Lock()
	defer h.box.mu.Unlock()
	if h.box.source == nil || h.box.set != set {
		source, err := mailbox.Open(set)
		if err != nil {
			return nil, err
		}
		h.box.set, h.box.source = set, source
	}
	return []delivery.Box{{Source: h.box.source, Name: string(set.Kind)}}, nil
}

// explainMailbox is why a mailbox cannot be read, in a sentence.
func (h *Host) explainMailbox(lang string, err error) string {
	var problem *mailbox.Error
	if errors.As(err, &problem) {
		return h.text.Text(lang, problem.Key(), "where", problem.Where, "what", problem.What())
	}
	return err.Error()
}
