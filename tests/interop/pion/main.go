// A CoAPs echo server on pion/dtls.
// usage: peer name=value...
//
//	port=N       where to listen on 127.0.0.1
//	psk=ID:HEX   pre-shared key; without it:
//	chain=FILE   certificates, PEM, leaf first
//	key=FILE     private key, PEM
//	trust=FILE   CA of the clients' certificates, PEM; a client must show one
//	cid=N        length of our connection id; absent: no connection ids
//	mtu=N        largest handshake fragment
//
// It answers each confirmable request with 2.04, piggybacked, and the request's payload. It prints
// READY, a line for each handshake and for each request. It ends with standard input.
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pion/dtls/v3"
)

const addressUpdate = 5 * time.Millisecond

// sessions keeps what session-id resumption needs.
type sessions struct {
	lock    sync.Mutex
	entries map[string]dtls.Session
}

func (s *sessions) Set(key []byte, session dtls.Session) error {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.entries[string(key)] = session
	return nil
}

func (s *sessions) Get(key []byte) (dtls.Session, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.entries[string(key)], nil
}

func (s *sessions) Del(key []byte) error {
	s.lock.Lock()
	defer s.lock.Unlock()
	delete(s.entries, string(key))
	return nil
}

func main() {
	options := map[string]string{}
	for _, argument := range os.Args[1:] {
		name, value, _ := strings.Cut(argument, "=")
		options[name] = value
	}
	if err := serve(options); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(options map[string]string) error {
	port, err := strconv.Atoi(options["port"])
	if err != nil {
		return err
	}
	settings, err := configure(options)
	if err != nil {
		return err
	}
	settings = append(settings, dtls.WithSessionStore(&sessions{entries: map[string]dtls.Session{}}))
	address := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}
	listener, err := dtls.ListenWithOptions("udp4", address, settings...)
	if err != nil {
		return err
	}
	go accept(listener)
	fmt.Println("READY")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func configure(options map[string]string) ([]dtls.ServerOption, error) {
	settings := []dtls.ServerOption{
		dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret),
	}
	if text, found := options["cid"]; found {
		length, err := strconv.Atoi(text)
		if err != nil {
			return nil, err
		}
		settings = append(settings, dtls.WithConnectionIDGenerator(dtls.RandomCIDGenerator(length)))
	}
	if text, found := options["mtu"]; found {
		mtu, err := strconv.Atoi(text)
		if err != nil {
			return nil, err
		}
		settings = append(settings, dtls.WithMTU(mtu))
	}
	if psk, found := options["psk"]; found {
		identity, digits, _ := strings.Cut(psk, ":")
		key, err := hex.DecodeString(digits)
		if err != nil {
			return nil, err
		}
		find := func(shown []byte) ([]byte, error) {
			if !bytes.Equal(shown, []byte(identity)) {
				return nil, errors.New("unknown identity")
			}
			return key, nil
		}
		return append(settings, dtls.WithPSK(find), dtls.WithPSKIdentityHint([]byte("wboson test")),
			dtls.WithCipherSuites(dtls.TLS_PSK_WITH_AES_128_CCM_8)), nil
	}
	certificate, err := tls.LoadX509KeyPair(options["chain"], options["key"])
	if err != nil {
		return nil, err
	}
	trusted, err := os.ReadFile(options["trust"])
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(trusted)
	return append(settings, dtls.WithCertificates(certificate), dtls.WithClientCAs(pool),
		dtls.WithClientAuth(dtls.RequireAndVerifyClientCert),
		dtls.WithCipherSuites(dtls.TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8)), nil
}

func accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			fmt.Println("accept:", err)
			continue
		}
		go func() {
			defer conn.Close()
			ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
			defer cancel()
			if err := conn.(*dtls.Conn).HandshakeContext(ctx); err != nil {
				fmt.Println("HANDSHAKE failed:", err)
				return
			}
			fmt.Println("HANDSHAKE with", conn.RemoteAddr())
			echo(conn)
		}()
	}
}

// echo answers the CoAP messages of one connection (RFC 7252 §3).
func echo(conn net.Conn) {
	buffer := make([]byte, 2048)
	for {
		length, err := conn.Read(buffer)
		if err != nil {
			return
		}
		message := buffer[:length]
		if length < 4 || message[0]>>6 != 1 || message[0]>>4&3 != 0 {
			continue // not version 1, or not confirmable
		}
		tokenLength := int(message[0] & 15)
		if message[1] == 0 { // ping: reset
			_, _ = conn.Write([]byte{0x70, 0, message[2], message[3]})
			continue
		}
		if 4+tokenLength > length {
			continue
		}
		payload := payloadOf(message[4+tokenLength:])
		fmt.Println("REQUEST", hex.EncodeToString(payload), "from", conn.RemoteAddr())
		answer := append([]byte{0x60 | message[0]&15, 0x44}, message[2:4+tokenLength]...)
		if len(payload) > 0 {
			answer = append(append(answer, 0xff), payload...)
		}
		// pion hands a request over before it notes the sender's new address: a connection id that
		// has moved would be answered at the old one.
		time.Sleep(addressUpdate)
		_, _ = conn.Write(answer)
	}
}

// payloadOf walks over the options (RFC 7252 §3.1).
func payloadOf(rest []byte) []byte {
	for len(rest) > 0 {
		if rest[0] == 0xff {
			return rest[1:]
		}
		delta, size := int(rest[0]>>4), int(rest[0]&15)
		skip := 1
		for _, nibble := range []int{delta, size} {
			if nibble == 13 {
				skip++
			} else if nibble == 14 {
				skip += 2
			}
		}
		if skip > len(rest) {
			return nil
		}
		value := size
		if size == 13 {
			value = int(rest[skip-1]) + 13
		} else if size == 14 {
			value = int(rest[skip-2])<<8 + int(rest[skip-1]) + 269
		}
		if skip+value > len(rest) {
			return nil
		}
		rest = rest[skip+value:]
	}
	return nil
}
