package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// streamed is what watching many orders costs.
type streamed struct {
	idle    []float64 // MB of each shop after the load
	own     []float64 // of that its own
	watched float64   // MB of the first with the streams open
	seen    []time.Duration
}

// watch opens the streams, has some of the orders paid, and sees how long it
// takes until their pages know.
func (b *bench) watch(ctx context.Context) error {
	for i, s := range b.shops {
		b.idle, b.own = append(b.idle, memory(s.cmd.Process.Pid)), append(b.own, ownMemory(s.cmd.Process.Pid))
		if b.profiles != "" && i == 0 {
			if err := s.keep(ctx, "heap", filepath.Join(b.profiles, "idle.pprof")); err != nil {
				return err
			}
		}
	}
	if b.streams == 0 {
		return nil
	}
	s := b.shops[0]
	if err := s.wait(ctx, b.streams); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var opening sync.WaitGroup
	paid := make([]chan time.Time, b.streams)
	failed := make(chan error, b.streams)
	client := http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: -1}}
	slots := make(chan struct{}, connections)
	for i := range b.streams {
		paid[i] = make(chan time.Time, 1)
		opening.Add(1)
		slots <- struct{}{}
		go func() {
			opened := sync.OnceFunc(func() { <-slots; opening.Done() })
			defer opened()
			if err := follow(ctx, &client, s.base+"/orders/"+s.unpaid[i].token+"/events", opened, paid[i]); err != nil && ctx.Err() == nil {
				failed <- err
			}
		}()
	}
	opening.Wait()
	b.watched = memory(s.cmd.Process.Pid)
	// Every fourth is paid, a few at a time, as tills do it.
	for i := 0; i < b.streams; i += 4 {
		header, body := told(s.unpaid[i], time.Now(), secret)
		sent := time.Now()
		if err := deliver(ctx, s.base+notify, header, body); err != nil {
			return err
		}
		select {
		case at := <-paid[i]:
			b.seen = append(b.seen, at.Sub(sent))
		case err := <-failed:
			return fmt.Errorf("stream: %w", err)
		case <-time.After(patience):
			return errors.New("a payment was not seen by its page")
		}
	}
	if b.profiles != "" {
		if err := s.keep(ctx, "heap", filepath.Join(b.profiles, "streams.pprof")); err != nil {
			return err
		}
	}
	b.watched = max(b.watched, memory(s.cmd.Process.Pid))
	slices.Sort(b.seen)
	return nil
}

// follow reads a stream of events until one says that the order is paid.
func follow(ctx context.Context, client *http.Client, address string, opened func(), paid chan<- time.Time) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return errors.New(res.Status)
	}
	lines := bufio.NewReaderSize(res.Body, 512)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return err
		}
		if strings.HasPrefix(line, "data:") {
			opened()
		}
		if strings.Contains(line, `"order_status":"paid"`) {
			paid <- time.Now()
			return nil
		}
	}
}
