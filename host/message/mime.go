package message

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"time"

	gomessage "github.com/emersion/go-message"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/blob"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// maxFiles is how much a mail's files may hold together; more is refused by many servers.
const maxFiles = 18 << 20

// file is what a mail brings along.
type file struct {
	name, kind string
	content    []byte
}

// filesOf reads the files of a message.
func filesOf(tx *store.Tx, m *mostradorv1.Message) ([]file, error) {
	var files []file
	total := 0
	for _, f := range m.Files {
		content := blob.Get(tx, f.GetSha256())
		if content == nil {
			return nil, &composeError{key: "no_file", what: f.GetName()}
		}
		if total += len(content); total > maxFiles {
			return nil, &composeError{key: "files_too_large", what: strconv.Itoa(maxFiles >> 20)}
		}
		files = append(files, file{name: f.GetName(), kind: f.GetContentType(), content: bytes.Clone(content)})
	}
	return files, nil
}

// place finds out which files the page shows in their places (src="cid:NAME"), and which are attached.
func place(page string, files []file) (shown string, images []image, attached []file) {
	for _, f := range files {
		name := "cid:" + f.name
		if f.name == "" || !strings.Contains(page, name+`"`) {
			attached = append(attached, f)
			continue
		}
		sum := sha256.Sum256(f.content)
		img := image{id: hex.EncodeToString(sum[:12]) + "@mostrador", kind: f.kind, content: f.content}
		page = strings.ReplaceAll(page, name+`"`, "cid:"+img.id+`"`)
		if !has(images, img.id) {
			images = append(images, img)
		}
	}
	return page, images, attached
}

// write composes the MIME message of a rendered mail: text and HTML beside each other, the HTML with its pictures, and
// files behind them; everything in 7 bits. The same row and page give the same bytes, so that a mail sent twice is
// twice the same. It sets the row's subject.
func write(m *mostradorv1.Message, c *plgv1.Customer, set Settings, r *rendered, files []file) (*Mail, error) {
	from, to := senderAddress(set), m.To
	if !safeAddress(to) {
		return nil, &composeError{key: "bad_address", what: to}
	}
	if !safeAddress(from) {
		return nil, &composeError{key: "bad_sender", what: from}
	}
	title := r.title
	if title == "" {
		title = oneLine(set.StoreName)
	}
	m.Subject = title

	page, images, attached := place(r.page, files)
	images = append(images, r.images...)
	p := &partWriter{id: m.MessageId}
	fields := []field{
		{"From", (&mail.Address{Name: oneLine(senderName(set)), Address: from}).String()},
		{"To", (&mail.Address{Name: oneLine(c.GetName()), Address: to}).String()},
		{"Subject", mime.QEncoding.Encode("utf-8", title)},
		{"Date", m.Queued.AsTime().In(time.Local).Format("Mon, 02 Jan 2006 15:04:05 -0700")},
		{"Message-Id", "<" + m.MessageId + ">"},
	}
	lang := m.Language
	if lang == "" {
		lang = languageOf(c, set)
	}
	if safeLanguage(lang) {
		fields = append(fields, field{"Content-Language", lang})
	}
	fields = append(fields, field{"Auto-Submitted", "auto-generated"}) // RFC 3834: no automatic answers, please
	if m.Kind == plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL {
		if address := optOut(m, set); safeURL(address) {
			fields = append(fields,
				field{"List-Unsubscribe", "<" + address + ">"},               // RFC 2369
				field{"List-Unsubscribe-Post", "List-Unsubscribe=One-Click"}) // RFC 8058
		}
	}
	fields = append(fields, field{"Mime-Version", "1.0"})

	out := make([]byte, 0, len(page)+len(page)/8+len(r.text)+2048)
	var err error
	if len(images) == 0 && len(attached) == 0 {
		out, err = p.texts(out, fields, r.text, page)
	} else {
		out, err = p.parts(out, fields, r.text, page, images, attached)
	}
	if err != nil {
		return nil, fmt.Errorf("compose message %s: %w", m.Id, err)
	}
	return &Mail{ID: m.Id, From: from, To: to, Bytes: out}, nil
}

// partWriter writes the parts of one mail.
type partWriter struct {
	id         string
	boundaries int
}

// parts appends a mail of any parts.
func (p *partWriter) parts(out []byte, fields []field, text, page string, images []image, attached []file) ([]byte, error) {
	var h gomessage.Header
	p.container(&h, attached)
	for _, f := range slices.Backward(fields) { // they are written in the reverse order of their setting
		h.Set(f.name, f.value)
	}
	b := bytes.NewBuffer(out)
	to, err := gomessage.CreateWriter(b, h)
	if err != nil {
		return nil, err
	}
	err = errors.Join(p.write(to, text, page, images, attached), to.Close())
	return b.Bytes(), err
}

// container is the head of parts that hold others: multipart/mixed when there is something attached.
func (p *partWriter) container(h *gomessage.Header, attached []file) {
	if len(attached) > 0 {
		p.multipart(h, "mixed")
	} else {
		p.multipart(h, "alternative")
	}
}

func (p *partWriter) multipart(h *gomessage.Header, kind string) {
	h.SetContentType("multipart/"+kind, map[string]string{"boundary": p.boundary()})
}

func (p *partWriter) boundary() string {
	seed := p.id
	if p.boundaries > 0 {
		seed += "\x00" + strconv.Itoa(p.boundaries)
	}
	p.boundaries++
	sum := sha256.Sum256([]byte(seed))
	return hex.EncodeToString(sum[:15])
}

// within writes parts into one that holds them.
func (p *partWriter) within(to *gomessage.Writer, kind string, parts func(*gomessage.Writer) error) error {
	var h gomessage.Header
	p.multipart(&h, kind)
	part, err := to.CreatePart(h)
	if err != nil {
		return err
	}
	return errors.Join(parts(part), part.Close())
}

func (p *partWriter) write(to *gomessage.Writer, text, page string, images []image, attached []file) error {
	if len(attached) == 0 {
		return p.alternative(to, text, page, images)
	}
	err := p.within(to, "alternative", func(to *gomessage.Writer) error { return p.alternative(to, text, page, images) })
	for _, f := range attached {
		err = errors.Join(err, attach(to, f))
	}
	return err
}

func (p *partWriter) alternative(to *gomessage.Writer, text, page string, images []image) error {
	if err := writePart(to, "text/plain", text); err != nil {
		return err
	}
	if len(images) == 0 {
		return writePart(to, "text/html", page)
	}
	return p.within(to, "related", func(to *gomessage.Writer) error { // RFC 2387
		err := writePart(to, "text/html", page)
		for _, img := range images {
			err = errors.Join(err, embedded(to, img))
		}
		return err
	})
}

func writePart(to *gomessage.Writer, kind, body string) error {
	var h gomessage.Header
	h.Set("Content-Transfer-Encoding", "quoted-printable")
	h.SetContentType(kind, map[string]string{"charset": "utf-8"})
	part, err := to.CreatePart(h)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(part, body); err != nil {
		return err
	}
	return part.Close()
}

// embedded writes a picture that the page shows.
func embedded(to *gomessage.Writer, img image) error {
	var h gomessage.Header
	h.Set("Content-Transfer-Encoding", "base64")
	h.Set("Content-Disposition", "inline")
	h.Set("Content-Id", "<"+img.id+">")
	h.SetContentType(mediaType(img.kind), nil)
	return inBase64(to, h, img.content)
}

// attach writes a file that stands beside the text.
func attach(to *gomessage.Writer, f file) error {
	name := fileName(f.name)
	var h gomessage.Header
	h.Set("Content-Transfer-Encoding", "base64")
	h.SetContentDisposition("attachment", map[string]string{"filename": name})
	h.SetContentType(mediaType(f.kind), map[string]string{"name": name})
	return inBase64(to, h, f.content)
}

func inBase64(to *gomessage.Writer, h gomessage.Header, content []byte) error {
	part, err := to.CreatePart(h)
	if err != nil {
		return err
	}
	_, err = part.Write(content)
	return errors.Join(err, part.Close())
}

// mediaType is a file's type as it may stand in a header. Nothing that is a part of a mail itself is taken.
func mediaType(kind string) string {
	kind, _, err := mime.ParseMediaType(kind)
	if err != nil || !strings.Contains(kind, "/") || strings.HasPrefix(kind, "multipart/") || strings.HasPrefix(kind, "message/") {
		return "application/octet-stream"
	}
	return kind
}

// fileName is a name as it may stand in a header and be saved under.
func fileName(name string) string {
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, oneLine(name))
	const most = 120
	if len(name) > most {
		name = strings.ToValidUTF8(name[:most], "")
	}
	if name == "" {
		return "adjunto"
	}
	return name
}
