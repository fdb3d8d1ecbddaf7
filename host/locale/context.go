package locale

import "context"

type contextKey struct{}

// NewContext returns a context for work on behalf of somebody who reads lang (BCP 47).
func NewContext(ctx context.Context, lang string) context.Context {
	return context.WithValue(ctx, contextKey{}, lang)
}

// FromContext returns the language that NewContext put there, or Default.
func FromContext(ctx context.Context) string {
	if lang, _ := ctx.Value(contextKey{}).(string); lang != "" {
		return lang
	}
	return Default
}
