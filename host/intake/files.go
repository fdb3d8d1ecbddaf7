package intake

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/structpb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/blob"
	"mostrador/host/store"
)

// Limits of the files of one event.
const (
	maxFiles     = 10
	maxFileBytes = 10 << 20 // together
	maxFileName  = 200      // bytes
)

// file is a file of an event as it is kept.
type file struct {
	name, kind string
	data       []byte
	sha        [sha256.Size]byte
}

// files judges what was sent.
func (s *Service) files(ctx context.Context, sent []*mostradorv1.PostedFile) ([]file, error) {
	const unfit, large = http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge
	if len(sent) > maxFiles {
		return nil, s.refuse(ctx, large, "/files", "files_many", "n", maxFiles)
	}
	files, total := make([]file, len(sent)), 0
	for i, f := range sent {
		at := "/files/" + strconv.Itoa(i)
		if total += len(f.GetData()); total > maxFileBytes {
			return nil, s.refuse(ctx, large, "/files", "files_large", "n", maxFileBytes>>20)
		}
		name, ok := fileName(f.GetName())
		if !ok {
			return nil, s.refuse(ctx, unfit, at+"/name", "file_name")
		}
		if len(f.GetData()) == 0 {
			return nil, s.refuse(ctx, unfit, at+"/data", "file_empty", "name", name)
		}
		kind := "application/octet-stream"
		if f.GetContentType() != "" {
			media, _, err := mime.ParseMediaType(f.GetContentType())
			if err != nil || len(media) > 100 || !strings.Contains(media, "/") {
				return nil, s.refuse(ctx, unfit, at+"/content_type", "file_type", "name", name)
			}
			kind = media
		}
		if kind == "application/pdf" && !bytes.HasPrefix(f.GetData(), []byte("%PDF-")) {
			return nil, s.refuse(ctx, unfit, at+"/data", "file_pdf", "name", name)
		}
		files[i] = file{name: name, kind: kind, data: f.GetData(), sha: sha256.Sum256(f.GetData())}
	}
	return files, nil
}

// fileName is the name of a file without the folders before it.
func fileName(sent string) (string, bool) {
	name := sent[strings.LastIndexAny(sent, `/\`)+1:]
	if name == "" || name == "." || name == ".." || len(name) > maxFileName || !utf8.ValidString(name) {
		return "", false
	}
	return name, strings.IndexFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// keep puts files into the store, and returns what the event says of them.
func keep(tx *store.Tx, files []file) *structpb.Value {
	list := &structpb.ListValue{}
	for _, f := range files {
		blob.Put(tx, f.data)
		list.Values = append(list.Values, structpb.NewStructValue(&structpb.Struct{Fields: map[string]*structpb.Value{
			"name": structpb.NewStringValue(f.name), "type": structpb.NewStringValue(f.kind),
			"size": structpb.NewNumberValue(float64(len(f.data))), "blob": structpb.NewStringValue(hex.EncodeToString(f.sha[:])),
		}}))
	}
	return structpb.NewListValue(list)
}

// held remembers whose files they are, for Forget.
func held(tx *store.Tx, customerID string, sequence uint64, files []file) {
	var hashes []byte
	for _, f := range files {
		hashes = append(hashes, f.sha[:]...)
	}
	tx.Put(bucketFile, binary.BigEndian.AppendUint64(append([]byte(customerID), 0), sequence), hashes)
}

// Forget lets go of the files of the events that concern a customer. What else an event says of him, the log forgets.
func Forget(tx *store.Tx, customerID string) {
	for key, hashes := range tx.Scan(bucketFile, append([]byte(customerID), 0), nil) {
		for hashes := bytes.Clone(hashes); len(hashes) >= sha256.Size; hashes = hashes[sha256.Size:] {
			blob.Drop(tx, hashes[:sha256.Size])
		}
		tx.Delete(bucketFile, bytes.Clone(key))
	}
}
