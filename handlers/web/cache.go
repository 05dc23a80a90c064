package web

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

const (
	// cacheAge is how long a value stays fresh. It is then read from the database again, so copies of the shop need
	// not notify each other. A page made from a cached value shows a stock that is a second old at most.
	cacheAge = 500 * time.Millisecond

	// maxCached bounds the entries of one cache.
	maxCached = 1000
)

// Cache holds values that are made from the database and are the same for everybody, by key.
// Requests that come while a value is being made share it.
type Cache[T any] struct {
	Now     func() time.Time
	mu      sync.RWMutex
	entries map[string]cacheEntry[T]
	making  singleflight.Group
}

type cacheEntry[T any] struct {
	value T
	asked time.Time // before it was made
}

// Get returns the value of a key, and makes it where there is none that is fresh.
func (k *Cache[T]) Get(ctx context.Context, name string, makeIt func(context.Context) (T, error)) (T, error) {
	if t, ok := k.fresh(name); ok {
		return t, nil
	}
	made, err, _ := k.making.Do(name, func() (any, error) {
		if t, ok := k.fresh(name); ok { // somebody has made it since
			return t, nil
		}
		// The result is shared: the first caller's leaving must not cancel it.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), RequestTimeout)
		defer cancel()
		asked := k.Now()
		value, err := makeIt(ctx)
		if err == nil {
			k.put(name, cacheEntry[T]{value, asked})
		}
		return value, err
	})
	return made.(T), err
}

func (k *Cache[T]) fresh(name string) (value T, ok bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	t, ok := k.entries[name]
	return t.value, ok && k.Now().Sub(t.asked) < cacheAge
}

func (k *Cache[T]) put(name string, t cacheEntry[T]) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.entries == nil || len(k.entries) >= maxCached {
		k.entries = map[string]cacheEntry[T]{} // what is still wanted comes back soon enough
	}
	k.entries[name] = t
}
