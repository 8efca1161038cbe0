package forge

import "testing"

func TestParseRepository(t *testing.T) {
	tests := map[string]struct {
		address string
		want    Repository
		wantErr bool
	}{
		"plain":            {address: "https://forge.example.org/lab/carrel", want: Repository{"https://forge.example.org", "lab", "carrel"}},
		"with .git":        {address: "https://forge.example.org/lab/carrel.git", want: Repository{"https://forge.example.org", "lab", "carrel"}},
		"slash at the end": {address: "https://forge.example.org/lab/carrel/", want: Repository{"https://forge.example.org", "lab", "carrel"}},
		"port":             {address: "http://10.0.0.1:3000/lab/carrel", want: Repository{"http://10.0.0.1:3000", "lab", "carrel"}},
		"below a path":     {address: "https://example.org/git/lab/carrel", want: Repository{"https://example.org/git", "lab", "carrel"}},
		"user is dropped":  {address: "https://me:secret@example.org/lab/carrel", want: Repository{"https://example.org", "lab", "carrel"}},
		"no owner":         {address: "https://example.org/carrel", wantErr: true},
		"no path":          {address: "https://example.org", wantErr: true},
		"not the web":      {address: "ssh://git@example.org/lab/carrel", wantErr: true},
		"no scheme":        {address: "example.org/lab/carrel", wantErr: true},
		"nonsense":         {address: "http://[", wantErr: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := ParseRepository(test.address)
			if (err != nil) != test.wantErr {
				t.Fatalf("ParseRepository(%q) gave error %v, want one: %v", test.address, err, test.wantErr)
			}
			if got != test.want {
				t.Errorf("ParseRepository(%q) = %+v, want %+v", test.address, got, test.want)
			}
		})
	}
}

func TestSameRepository(t *testing.T) {
	tests := map[string]struct {
		a, b string
		want bool
	}{
		"equal":                {"https://example.org/lab/carrel", "https://example.org/lab/carrel", true},
		".git does not count":  {"https://example.org/lab/carrel.git", "https://example.org/lab/carrel", true},
		"case of the host":     {"https://Example.org/lab/carrel", "https://example.org/lab/carrel", true},
		"ssh and https":        {"ssh://git@example.org:2222/lab/carrel.git", "https://example.org/lab/carrel", true},
		"default port":         {"https://example.org:443/lab/carrel", "https://example.org/lab/carrel", true},
		"other port":           {"http://127.0.0.1:3000/lab/carrel", "http://127.0.0.1:3001/lab/carrel", false},
		"other host":           {"https://example.org/lab/carrel", "https://example.com/lab/carrel", false},
		"host as a prefix":     {"https://example.org/lab/carrel", "https://example.org.evil.test/lab/carrel", false},
		"other repository":     {"https://example.org/lab/carrel", "https://example.org/lab/carrel2", false},
		"other owner":          {"https://example.org/lab/carrel", "https://example.org/evil/carrel", false},
		"case of the path":     {"https://example.org/lab/carrel", "https://example.org/Lab/carrel", false},
		"host in the user":     {"https://example.org/lab/carrel", "https://example.org@evil.test/lab/carrel", false},
		"nothing is not equal": {"", "", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := SameRepository(test.a, test.b); got != test.want {
				t.Errorf("SameRepository(%q, %q) = %v, want %v", test.a, test.b, got, test.want)
			}
		})
	}
}
