package roster_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/carrel-dev/carrel/core/roster"
)

// big is a roster of that many students.
func big(rows int) []byte {
	var b bytes.Buffer
	b.WriteString("\ufeffuser,name,template,section,enabled\r\n")
	for i := range rows {
		fmt.Fprintf(&b, "24T%05d@stu.example.ac.jp,\"佐藤, 雪 %d\",%s,%c,TRUE\r\n", i, i, []string{"", "database"}[i%2], 'a'+rune(i%8))
	}
	return b.Bytes()
}

// BenchmarkRead tells how long 10,000 rows take, and how many times what
// splitting the cells alone takes in the same run.
func BenchmarkRead(b *testing.B) {
	data := big(10_000)
	b.SetBytes(int64(len(data)))
	var ours, plain time.Duration
	for b.Loop() {
		begin := time.Now()
		if got := roster.Read(roster.File{Name: "roster.csv", Data: data}); len(got.Rows) != 10_000 || len(got.Errors) > 0 {
			b.Fatalf("%d rows, errors %v", len(got.Rows), got.Errors)
		}
		between := time.Now()
		split(b, data)
		ours, plain = ours+between.Sub(begin), plain+time.Since(between)
	}
	b.ReportMetric(float64(ours.Milliseconds())/float64(b.N), "ms/10000-rows")
	b.ReportMetric(float64(ours)/float64(plain), "x-encoding/csv")
}

func split(b *testing.B, data []byte) {
	r := csv.NewReader(bytes.NewReader(data))
	r.LazyQuotes = true
	for {
		if _, err := r.Read(); err == io.EOF {
			return
		} else if err != nil {
			b.Fatal(err)
		}
	}
}
