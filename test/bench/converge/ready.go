package main

import "context"

func (b *bench) runReady(ctx context.Context) error { return nil }
