package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
)

// A plugin that its developer started in an IDE is not the host's process: it listens by itself and says where in
// an Attachment, and the host speaks to it instead of starting a process. Beside the process everything is as
// always, mutual TLS included. The host must heed an Attachment of development plugins only, or one that its own
// environment names.
const (
	// DebugVariable, when set, has Plugin.Serve listen by itself.
	DebugVariable = "MOSTRADOR_PLUGIN_DEBUG"
	// AttachVariable is what a host's environment may name Attachments in: a JSON list of them.
	AttachVariable = "MOSTRADOR_PLUGIN_REATTACH"
	// AttachFile is the Attachment's file in the folder of the plugin, beside its manifest, while the plugin
	// listens.
	AttachFile = ".mostrador-attach.json"
)

// Attachment says where a plugin listens that was not started by the host.
type Attachment struct {
	// ID is the plugin's: "PLG9005".
	ID string `json:"id"`
	// Pid is its process.
	Pid int `json:"pid"`
	// Network and Address are of the listener: "unix" and a path, or "tcp" and an address of this machine.
	Network string `json:"network"`
	Address string `json:"address"`
	// Host is the host's side of the mutual TLS.
	Host Bundle `json:"host"`
}

// Addr is where the plugin listens. An address of another machine is an error.
func (a Attachment) Addr() (net.Addr, error) {
	switch a.Network {
	case "unix":
		return &net.UnixAddr{Name: a.Address, Net: "unix"}, nil
	case "tcp":
		addr, err := net.ResolveTCPAddr("tcp", a.Address)
		if err != nil {
			return nil, fmt.Errorf("wire: attachment of %s: %w", a.ID, err)
		}
		if !addr.IP.IsLoopback() {
			return nil, fmt.Errorf("wire: attachment of %s: %s is not of this machine", a.ID, a.Address)
		}
		return addr, nil
	}
	return nil, fmt.Errorf("wire: attachment of %s: unknown network %q", a.ID, a.Network)
}

// Write writes the AttachFile into the plugin's folder, readable for its owner alone: it holds a key.
func (a Attachment) Write(dir string) error {
	data, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("wire: attachment: %w", err)
	}
	file, err := os.CreateTemp(dir, AttachFile+".*") // of mode 0600
	if err != nil {
		return fmt.Errorf("wire: attachment: %w", err)
	}
	_, err = file.Write(data)
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), filepath.Join(dir, AttachFile))
	}
	if err != nil {
		os.Remove(file.Name())
		return fmt.Errorf("wire: attachment: %w", err)
	}
	return nil
}

// ReadAttachment reads the AttachFile of a plugin's folder. That there is none is an error that is
// fs.ErrNotExist. The file may be left of a process that died: only dialling shows.
func ReadAttachment(dir string) (Attachment, error) {
	path := filepath.Join(dir, AttachFile)
	info, err := os.Lstat(path)
	if err != nil {
		return Attachment{}, fmt.Errorf("wire: attachment: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxAttachment {
		return Attachment{}, fmt.Errorf("wire: attachment: %s is no file of ours: %w", path, fs.ErrInvalid)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return Attachment{}, fmt.Errorf("wire: attachment: %w", err)
	}
	var a Attachment
	if err := json.Unmarshal(data, &a); err != nil {
		return Attachment{}, fmt.Errorf("wire: attachment: %s: %w", path, err)
	}
	_, err = a.Addr()
	return a, err
}

// maxAttachment bounds the file, in bytes; what Write writes is some 3 KiB.
const maxAttachment = 64 << 10

// ParseAttachments reads the value of AttachVariable; the empty value is none.
func ParseAttachments(value string) ([]Attachment, error) {
	if value == "" {
		return nil, nil
	}
	var all []Attachment
	if err := json.Unmarshal([]byte(value), &all); err != nil {
		return nil, fmt.Errorf("wire: %s: %w", AttachVariable, err)
	}
	for _, a := range all {
		if _, err := a.Addr(); err != nil {
			return nil, err
		}
	}
	return all, nil
}
