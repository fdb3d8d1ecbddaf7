package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// MarshalJSON writes a message as the API's JSON: one line, every field present, so that a script can tell
// false and 0 from a field that it misspelled. The command line prints the same.
func MarshalJSON(m proto.Message) ([]byte, error) {
	loose, err := protojson.MarshalOptions{EmitUnpopulated: true}.Marshal(m)
	if err != nil {
		return nil, err
	}
	// protojson varies its white space from build to build on purpose.
	var line bytes.Buffer
	if err := json.Compact(&line, loose); err != nil {
		return nil, err
	}
	return line.Bytes(), nil
}

// jsonCodec is Connect's JSON with every field present.
type jsonCodec struct{ name string }

func (c jsonCodec) Name() string { return c.name }

func (c jsonCodec) Marshal(message any) ([]byte, error) {
	m, ok := message.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("api: %T is no message", message)
	}
	return MarshalJSON(m)
}

func (c jsonCodec) Unmarshal(data []byte, message any) error {
	m, ok := message.(proto.Message)
	if !ok {
		return fmt.Errorf("api: %T is no message", message)
	}
	if len(data) == 0 {
		return errors.New("api: an empty body is no JSON object")
	}
	// Unlike Connect's own codec, unknown fields are refused: a misspelled field of a script would
	// otherwise be a wish that is dropped without a word.
	return protojson.Unmarshal(data, m)
}
