module github.com/carrel-dev/carrel

go 1.26
