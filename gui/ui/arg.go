package ui

import (
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// Arg writes a message as what a place is gone to with. Customers takes a *mostradorv1.SearchRequest and shows what it
// finds ("the members of this segment"); Segments takes a *mostradorv1.Segment without id, to be made.
func Arg(m proto.Message) string {
	data, err := protojson.Marshal(m)
	if err != nil {
		return "" // our messages have no text that cannot be written
	}
	return string(data)
}

// ReadArg reads what Arg wrote and tells whether it was that.
func ReadArg(arg string, m proto.Message) bool {
	return len(arg) > 0 && arg[0] == '{' && protojson.Unmarshal([]byte(arg), m) == nil
}
