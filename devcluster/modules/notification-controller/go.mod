module github.com/carrel-dev/carrel/devcluster/modules/notification-controller

go 1.26.0

require github.com/fluxcd/notification-controller v1.6.0
