package roster

// Person returns what the spellings of a login have in common that differ only in the
// case of ASCII letters. They are one person's logins if only one of them is in a
// course.
func Person(login string) string {
	var lower []byte
	for i := range len(login) {
		if c := login[i]; c >= 'A' && c <= 'Z' {
			if lower == nil {
				lower = []byte(login)
			}
			lower[i] = c + 'a' - 'A'
		}
	}
	if lower == nil {
		return login
	}
	return string(lower)
}
