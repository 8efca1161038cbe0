package auth

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// minKey is the least length of a key file in bytes. `openssl rand -base64 48` and
// `head -c 32 /dev/urandom` both make enough.
const minKey = 32

// The purposes of sealed texts. A text sealed for one purpose opens for no other.
const (
	forSession  = "session"
	forRefresh  = "refresh"
	forLogin    = "login"
	forState    = "state"
	forNonce    = "nonce"
	forHandover = "handover"
	forCarrel   = "carrel"
	forBack     = "back"
)

var purposes = []string{forSession, forRefresh, forLogin, forState, forNonce, forHandover, forCarrel, forBack}

// errSealed is returned for a text that was sealed with another key, or for another
// purpose or host.
var errSealed = errors.New("not sealed by one of the keys for this use")

// Keys encrypt and authenticate texts. The first key seals; all of them open.
type Keys struct {
	// ciphers holds those of each purpose, in the order of the keys.
	ciphers map[string][]cipher.AEAD
}

// ReadKeys reads keys from files.
func ReadKeys(files ...string) (*Keys, error) {
	k := &Keys{ciphers: map[string][]cipher.AEAD{}}
	for _, file := range files {
		secret, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read a key of the session cookies: %w", err)
		}
		secret = bytes.TrimRight(secret, "\r\n")
		if len(secret) < minKey {
			return nil, fmt.Errorf("key file %s holds %d bytes, fewer than %d: make one with `openssl rand -base64 48`", file, len(secret), minKey)
		}
		if err := k.add(secret); err != nil {
			return nil, fmt.Errorf("use the key file %s: %w", file, err)
		}
	}
	if len(files) == 0 {
		return nil, errors.New("no key file is named: make one with `openssl rand -base64 48` and name it in sessions.keyFiles")
	}
	return k, nil
}

func (k *Keys) add(secret []byte) error {
	for _, purpose := range purposes {
		c, err := aead(secret, purpose)
		if err != nil {
			return err
		}
		k.ciphers[purpose] = append(k.ciphers[purpose], c)
	}
	return nil
}

// aead returns the cipher of one key and purpose. Each purpose has a key derived for
// it. The host is bound as additional data.
func aead(secret []byte, purpose string) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, "carrel-gateway "+purpose, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// seal encrypts a value, as JSON, for a purpose and a host.
func (k *Keys) seal(purpose, host string, value any) (string, error) {
	plain, err := json.Marshal(value)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(k.ciphers[purpose][0].Seal(nil, nil, plain, []byte(host))), nil
}

// open decrypts what seal made for the same purpose and host.
func (k *Keys) open(purpose, host, text string, into any) error {
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return errSealed
	}
	for _, c := range k.ciphers[purpose] {
		if plain, err := c.Open(nil, nil, sealed, []byte(host)); err == nil {
			return json.Unmarshal(plain, into)
		}
	}
	return errSealed
}
