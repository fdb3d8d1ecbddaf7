package report_test

import (
	"fmt"
	"strings"
	"testing"

	"mostrador/host/message/report"
)

// TestClassifyReadsRepliesOfServers has replies of big providers and the contradictions that the rules decide.
func TestClassifyReadsRepliesOfServers(t *testing.T) {
	for _, tc := range []struct {
		code  int
		words string
		want  string // kind reason status
	}{
		{550, "5.1.1 <x@example.com>: Recipient address rejected: User unknown in virtual mailbox table", "hard unknown_user 5.1.1"},
		{550, "5.1.1", "hard unknown_user 5.1.1"},
		{550, "5.1.2 Bad destination system", "hard unknown_domain 5.1.2"},
		{556, "5.1.10 Recipient address has a null MX", "hard unknown_domain 5.1.10"},
		{550, "5.2.1 The email account that you tried to reach is disabled", "hard disabled 5.2.1"},
		{550, "Requested action not taken: mailbox unavailable", "hard unknown_user "},
		{450, "Requested mail action not taken: mailbox unavailable", "soft unknown_user "},
		{550, "5.7.1 mailbox unavailable due to policy", "blocked policy 5.7.1"},
		// A full mailbox empties.
		{552, "5.2.2 mailbox full", "soft mailbox_full 5.2.2"},
		{552, "5.2.2", "soft mailbox_full 5.2.2"},
		{550, "5.1.1 mailbox full", "soft mailbox_full 5.1.1"},
		{452, "4.2.2 The email account that you tried to reach is over quota.", "soft mailbox_full 4.2.2"},
		// Who does not want mail from here says nothing about the address.
		{550, "5.7.1 Our system has detected that this message is likely unsolicited mail", "blocked spam 5.7.1"},
		{554, "5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", "blocked blocklist 5.7.1"},
		{550, "5.1.1 user unknown, see http://www.spamhaus.org", "blocked blocklist 5.1.1"},
		{550, "5.7.26 Unauthenticated email is not accepted due to DMARC policy", "blocked dmarc 5.7.26"},
		{550, "5.7.1", "blocked policy 5.7.1"},
		{554, "5.7.1 <x@example.com>: Relay access denied", "blocked relay 5.7.1"},
		{553, "sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", "blocked relay 5.7.1"},
		{421, "4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to user complaints", "blocked spam 4.7.0"},
		// A status that speaks of something else makes unknown users doubtful.
		{550, "5.7.1 No such user", "soft unknown_user 5.7.1"},
		{550, "5.2.2 User unknown", "soft unknown_user 5.2.2"},
		{450, "4.1.1 User unknown", "soft unknown_user 4.1.1"},
		{450, "5.1.1 User unknown", "soft unknown_user 5.1.1"},
		{553, "5.1.8 Domain of sender address x@example.com does not exist", "blocked policy 5.1.8"},
		// Not now.
		{451, "4.7.1 Greylisting in action, please come back later", "soft greylisted 4.7.1"},
		{421, "4.7.28 Our system has detected an unusual rate of mail", "soft rate 4.7.28"},
		{421, "4.4.2 Connection timed out", "soft network 4.4.2"},
		{451, "4.3.0 Temporary lookup failure", "soft server 4.3.0"},
		{552, "5.3.4 Message size exceeds fixed limit", "soft too_large 5.3.4"},
		{554, "5.4.6 Too many hops", "soft loop 5.4.6"},
		// Nothing understood, nothing guessed.
		{550, "No", "soft other "},
		{550, "", "soft other "},
		{0, "", "soft other "},
		{550, "5.0.0 Error", "soft other 5.0.0"},
		// Numbers that are no code and no status.
		{550, "host 5.1.1.1 version 5.1.1b says no", "soft other "},
		{0, "550 5.1.1 unknown user", "hard unknown_user 5.1.1"},
		{0, "450 4.1.1 unknown user", "soft unknown_user 4.1.1"},
		// Languages, with and without accents.
		{550, "El usuario no existe", "hard unknown_user "},
		{550, "Usuário não encontrado", "hard unknown_user "},
		{550, "Utilisateur inconnu", "hard unknown_user "},
		{550, "Benutzer unbekannt", "hard unknown_user "},
		{550, "Utente sconosciuto", "hard unknown_user "},
		{550, "Пользователь не найден", "hard unknown_user "},
		{552, "Buzón lleno", "soft mailbox_full "},
		{552, "Почтовый ящик переполнен", "soft mailbox_full "},
		{552, "Das Postfach ist überfüllt: Postfach voll", "soft mailbox_full "},
	} {
		b := report.Classify(tc.code, tc.words)
		got := fmt.Sprintf("%s %s %s", strings.ToLower(strings.TrimPrefix(b.Kind.String(), "KIND_")), b.Reason, b.Status)
		if got != tc.want || !b.AtOnce {
			t.Errorf("%d %s:\n got %s\nwant %s", tc.code, tc.words, got, tc.want)
		}
	}
}
