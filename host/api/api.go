// Package api is the one way into a store: everything that a screen, a script or the command line does goes
// through it. It serves mostrador.v1 over Connect, that is gRPC, gRPC-Web and JSON over HTTP on one port.
//
// A call passes one interceptor, which finds out who calls (session, till, address), whether the procedure's
// role allows it, in which language to answer, and how long it may take; see call.go and the table in role.go.
// The handlers below translate nothing: the services speak the same messages as the API. What they compose
// themselves is the quick sheet (sheet.go), which shows the fields, actions and panels of the active plugins
// as interplay leaves them. What goes wrong becomes a Connect error with a sentence that says what to do
// (errors.go); a Refusal that a person can mend travels as its detail. Screens learn of changes through the
// Hub (watch.go).
package api
