module github.com/carrel-dev/carrel/devcluster

go 1.26
