package customer

// Fold brings a text to the form in which texts are compared when case and accents do not count: "Íñigo" and
// "INIGO" are the same.
func Fold(text string) string { return fold(text) }
