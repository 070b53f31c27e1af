package webhooks

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"testing"
)

// These tests are inside the package because the published vectors sign texts
// that are no claims: what is checked is the signature and the form of the token.

func unbase64(t testing.TB, text string) []byte {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func pemOf(t testing.TB, public any) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func p256(t testing.TB, x, y string) string {
	t.Helper()
	point := append([]byte{4}, append(unbase64(t, x), unbase64(t, y)...)...)
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		t.Fatal(err)
	}
	return pemOf(t, key)
}

type vectorGroup struct {
	algorithm string
	key       TokenKey
	cases     []vector
}

type vector struct {
	name, token string
	valid       bool
}

// wycheproof is a selection from testvectors_v1/json_web_signature_test.json of
// C2SP/wycheproof (Apache-2.0), with its names and keys.
func wycheproof(t testing.TB) []vectorGroup {
	const (
		hs   = "eyJhbGciOiJIUzI1NiIsImtpZCI6ImtpZC1hZXMtc2lnbiJ9"
		hsig = "TD37p4c_0jmreSrBSDmE0F3mYSPtkZ3WrSyI5wb_KTg"
		es   = "eyJhbGciOiJFUzI1NiIsImtpZCI6ImtpZC1lYy1zaWduIn0"
		esig = "5cA0OHyMP7ezamUd5c9kV-FrGxdx4hbGXOdplQkutrqWrte5P-pAvsE3Ve6xSyU3YDQwUHjVVOtvcrEbbnZ8yA"
		rs   = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImtpZC1yc2Etc2lnbiJ9"
		rsig = "HUwxI1-cZrZgcuOgBQ7G7NE-GrqK79l6GV1KT4DKXnSMFwC8pfZCzE7pmLE7mYpLCIvzC87yuOjuhT0uW5oe6aaAEtR978cm-q8dfly45flqMrd_ifhi9GCsMlyi8dpQ42Ou1etZljFZuWjfyk8CN1c5DaHRwhqjScAPIFp6xmzKIRUJ_xdQfUSfSlujLaixtScU518EoNP4oo1v7E8RAz6ZO4g2N4Xqs8OvSxYydcoTEg42QnLHe9JnXgI37Q5gSwinwaPsG3Ry56UYiLoL8mCUa74S51y02VsIgVmmGWgaXjM-i_lCiKQDBiBnvWlka4XhVuvd6ZWibM9cbCPtPg"
		n    = "kqGboBfAWttWPCA-0cGRgsY6SaYoIARt0B_PkaEcIq9HPYNdu9n6UuWHuuTHrjF_ZoQW97r5HaAorNvrMEGTGdxCHZdEtkHvNVVmrtxTBLiQCbCozXhFoIrVcr3qUBrdGnNn_M3jJi7Wg7p_-x62nS5gNG875oyheRkutHsQXikFZwsN3q_TsPNOVlCiHy8mxzaFTUQGm-X8UYexFyAivlDSjgDJLAZSWfxd7k9Gxuwa3AUfQqQcVcegmgKGCaErQ3qQbh1x7WB6iopE3_-GZ8HMAVtR9AmrVscqYsnjhaCehfAI0iKKs8zXr8tISc0ORbaalrkk03H1ZrsEnDKEWQ"
	)
	rsaKey := pemOf(t, &rsa.PublicKey{N: new(big.Int).SetBytes(unbase64(t, n)), E: 65537})
	return []vectorGroup{
		{"HS256", TokenKey{"kid-aes-sign", string(unbase64(t, "-ebuDNsVZ2iJtoZ-akfXTSCt4UO2cruLCsbWlBinggE"))}, []vector{
			{"acceptsValid", hs + ".Zm9v." + hsig, true},
			{"rejectsModifiedSignature", hs + ".Zm9v.X" + hsig[1:], false},
			{"rejectsMissingSignature", hs + ".Zm9v.", false},
			{"rejectsMissingSignatureAndSeparator", hs + ".Zm9v", false},
			{"rejectsModifiedPayload", hs + ".WG9v." + hsig, false},
			{"rejectsMissingPayload", hs + ".." + hsig, false},
			{"rejectsMissingPayloadAndSeparator", hs + "." + hsig, false},
			{"rejectsModifiedHeader", "eyJhbGciOiJIUzI1NiIsImtpZCI6IlhpZC1hZXMtc2lnbiJ9.Zm9v." + hsig, false},
			{"rejectsMissingHeader", ".Zm9v." + hsig, false},
			{"rejectsMissingHeaderAndSeparator", "Zm9v." + hsig, false},
			{"rejectsMissingHeaderAndSignature", ".Zm9v.", false},
			{"rejectsMissingHeaderSignatureAndSeparators", "Zm9v", false},
			{"rejectsEmptyString", "", false},
			{"rejectsExtraEmptyComponent", hs + ".Zm9v." + hsig + ".", false},
			{"rejectsExtraComponent", hs + ".Zm9v." + hsig + ".foo", false},
			{"rejectsNoneAlgorithmAndMissingSignature", "eyJhbGciOiJub25lIiwia2lkIjoia2lkLWFlcy1zaWduIn0.Zm9v.", false},
			{"rejectsValidJsonSerialization", `{"payload":"Zm9v","signatures":[{"protected":"` + hs + `","header":{"unknown":"untrustworthy"},"signature":"` + hsig + `"}`, false},
		}},
		{"ES256", TokenKey{"kid-ec-sign", p256(t, "04N0xi21hshyvBp7I167sbE_bXqyqkAPfefdklMO7wY", "UI8exy-C06a7DUnjIdENkxeFtHM4-l_41LqEw9nVgmw")}, []vector{
			{"acceptsValid", es + ".Zm9v." + esig, true},
			{"rejectsModifiedSignature", es + ".Zm9v.X" + esig[1:], false},
			{"rejectsMissingSignature", es + ".Zm9v.", false},
			{"rejectsModifiedPayload", es + ".WG9v." + esig, false},
			{"rejectsMissingPayload", es + ".." + esig, false},
			{"rejectsModifiedHeader", "eyJhbGciOiJFUzI1NiIsImtpZCI6IlhpZC1lYy1zaWduIn0.Zm9v." + esig, false},
			{"rejectsSymmetryConfusionAttacks_aesKeyFromEcVerificationKeyBytes", "eyJhbGciOiJIUzI1NiIsImtpZCI6ImtpZC1lYy1zaWduIn0.Zm9v.TgWtz2FIRukBQ_mA5sgHa0Ybtgn7bl-YBPAi7Z0XdHU", false},
			{"rejectsAttackerProvidedEmbeddedJwk", "eyJhbGciOiJFUzI1NiIsImtpZCI6ImtpZC1lYy1zaWduIiwiandrIjp7Imt0eSI6IkVDIiwia2lkIjoia2lkLWVjLXNpZ24iLCJ1c2UiOiJzaWciLCJhbGciOiJFUzI1NiIsIngiOiJNZG5UWkRJaERKYmZBU2RGcWFtY3BPMkNoOUdOS0sybTBNUWxoNDAyU3BvIiwieSI6Ijdhdko0bHFfV3l4LW5MUERCUTJZcHl0dUh5TWlvMDdCVXl2bDNqYUMtMVkiLCJjcnYiOiJQLTI1NiJ9fQ.Zm9v.4jmsollQD8ZxvySzXYnIEYA4fwaZi2ZbC0aI1J4LYmW2Bn31NhKdjms2N6o51Dff5-InWXQF9m45VtTexl6yjg", false},
		}},
		{"RS256", TokenKey{"kid-rsa-sign", rsaKey}, []vector{
			{"acceptsValid", rs + ".Zm9v." + rsig, true},
			{"rejectsModifiedSignature", rs + ".Zm9v.X" + rsig[1:], false},
			{"rejectsMissingSignature", rs + ".Zm9v.", false},
			{"rejectsModifiedPayload", rs + ".WG9v." + rsig, false},
			{"lengthOfSequenceUsesLongFormEncoding", rs + ".Zm9v.KudI1-Bo-NhWAmNYu-aEGQA3ciNp-gKgGJETRino-l25uRh9peU1GWjmFfnda0SSZK8msCFMQ-ibIZxkwC1CUjxBRNwG1LqVtBa2mHtedT3lxKaS0nAQAzhsg0XWAEUjgnH1qtsYXknGzh-Vi_uVsu2yfPy6YhH9_8Ian984VRMzitHDzeNVcm1jc4vcB6iFicSl4cXWSijLxJSlVkDqMi8Neb3Zw-NQI3mQIt_3Eq51MncS-1vLBr0_qdAFREXVduyb-gRzgGSrE2pMxEO4Bbp5fvYnjaKsSdtNVvzayKwBDO418mfGzRbQyzpR2EeAFGIAkVRb_Mfh7Uil8nhBeg", false},
			{"removingSequence", rs + ".Zm9v.F7S3oL6racMAA7D3H1UrEo1Ecr8YRxkUQs32K4IFWoAQPU8Tg0_6j23zOJncfho_BYfvC5UKejYFcYC6JIv3rPomgWuToiSvTpOk9HAuHmV5EMhsOZfLdsH0qVcuZSjLXR_w7m_Ljo8MQ9gwZerD3FBDxi6js7wuckcqEz_thjtatHia9bR4VvQ4SymBTnvW_ZudQwD_6afcqu72P223hJc7gTXPH9dgmm8E7Iz1R0_s5p54_3DWnbzw9DPB-zeRJI9M0oYpJl2BVawpYPTGYqez2HLKRCigbvzz-Q8SEKoheksRGue-ZSQsZlAWw0abqhqulnVZyMjuluD2AU4r9g", false},
		}},
	}
}

// rfcs are the examples of RFC 7515 appendix A and RFC 8037 appendix A.4.
func rfcs(t testing.TB) []vectorGroup {
	const payload = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
	return []vectorGroup{
		{"HS256", TokenKey{"", string(unbase64(t, "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"))}, []vector{
			{"RFC 7515 A.1", "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." + payload + ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", true},
			{"RFC 7515 A.1, leftover bits of the signature set", "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." + payload + ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl", false},
			{"RFC 7515 A.1, padded", "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." + payload + ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk=", false},
			{"RFC 7515 A.1, a line end at the end", "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." + payload + ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk\n", false},
			{"RFC 7515 A.5, no signature", "eyJhbGciOiJub25lIn0." + payload + ".", false},
		}},
		{"ES256", TokenKey{"", p256(t, "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0")}, []vector{
			{"RFC 7515 A.3", "eyJhbGciOiJFUzI1NiJ9." + payload + ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q", true},
		}},
		{"EdDSA", TokenKey{"", pemOf(t, ed25519.PublicKey(unbase64(t, "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")))}, []vector{
			{"RFC 8037 A.4", "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg", true},
			{"RFC 8037 A.4, a bit flipped", "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KBg", false},
		}},
	}
}

func TestPublishedTokensAreBelievedOrNot(t *testing.T) {
	for _, group := range append(wycheproof(t), rfcs(t)...) {
		v, err := NewTokenVerifier(TokenConfig{
			Portal: "main", Algorithm: group.algorithm, Keys: []TokenKey{group.key}, Issuer: "i", Audience: "a",
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range group.cases {
			t.Run(group.algorithm+" "+c.name, func(t *testing.T) {
				_, err := v.open(c.token)
				if (err == nil) != c.valid {
					t.Errorf("believed: %t, want %t (%v)", err == nil, c.valid, err)
				}
			})
		}
	}
}

// From testvectors_v1/hmac_sha256_test.json of C2SP/wycheproof, and RFC 4231
// section 4.3.
func TestPublishedHMACsAreBelievedOrNot(t *testing.T) {
	for _, c := range []struct {
		name, key, msg, tag string
		valid               bool
	}{
		{"empty message", "1e225cafb90339bba1b24076d4206c3e79c355805d851682bc818baa4f5a7779", "", "b175b57d89ea6cb606fb3363f2538abd73a4c00b4a1386905bac809004cf1933", true},
		{"short message", "8159fd15133cd964c9a6964c94f0ea269a806fd9f43f0da58b6cd1b33d189b2a", "77", "dfc5105d5eecf7ae7b8b8de3930e7659e84c4172f2555142f1e568fc1872ad93", true},
		{"one block", "186e248ad824e1eb93329a7fdcd565b6cb4eaf3f85b90b910777128d8c538d27", "92ef9ff52f46eccc7e38b9ee19fd2de3b37726c8e6ce9e1b96db5dda4c317902", "3fc1d73dd4a8858c1fc3d8c4a3f33ed5ad0c70210038394a5902cb26fe287348", true},
		{"long message", "28855c7efc8532d92567300933cc1ca2d0586f55dcc9f054fcca2f05254fbf7f", "9c09207ff0e6e582cb3747dca954c94d45c05e93f1e6f21179cf0e25b4cede74b5479d32f5166935c86f0441905865", "788c0589000fb7f0b5d51f1596472bc9ec413421a43df96ee32b02b5d275ffe3", true},
		{"RFC 4231 test case 2", "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", true},
		{"flipped bit 0 in tag", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "", "d28b42096d80f45f826b44a9d5607de72496a415d3f4a1a8c88e3bb9da8dc1cb", false},
		{"flipped bit 1 in tag", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "", "d18b42096d80f45f826b44a9d5607de72496a415d3f4a1a8c88e3bb9da8dc1cb", false},
		{"flipped bit 7 in tag", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "000102030405060708090a0b0c0d0e0f", "58b99f2709a3ca74172cbe93824c1f29b23a0c1e9c21bd851ff2d2c39dbef14e", false},
		{"the tag not flipped", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "", "d38b42096d80f45f826b44a9d5607de72496a415d3f4a1a8c88e3bb9da8dc1cb", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			key, err := hex.DecodeString(c.key)
			if err != nil {
				t.Fatal(err)
			}
			msg, err := hex.DecodeString(c.msg)
			if err != nil {
				t.Fatal(err)
			}
			tag, ok := unhex(c.tag, true)
			if !ok {
				t.Fatal("not a tag")
			}
			live := secrets{newSecret([]byte("another")), newSecret(key)}
			for range 2 { // the second time with a state that was used before
				if got := live.match([]signature{{}, tag}, "", "", msg); got != c.valid {
					t.Errorf("believed: %t, want %t", got, c.valid)
				}
			}
		})
	}
}
