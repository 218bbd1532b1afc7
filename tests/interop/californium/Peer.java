// A CoAPs server on Eclipse Californium, and a client to check the other servers with.
// usage: Peer server|client name=value...
//   port=N       server: where to listen on 127.0.0.1; client: whom to connect to
//   psk=ID:HEX   pre-shared key; without it:
//   key=FILE     private key, PKCS#8 DER
//   public=FILE  public key, SubjectPublicKeyInfo DER: sent as a raw public key
//   chain=FILE   certificates, PEM, leaf first: sent instead of the raw public key
//   trust=FILE   the peer's public key, SubjectPublicKeyInfo DER; or, a server's with chain=, the CA
//   cid=N        length of our connection id; absent: no connection ids
//   pack=BOOL    several handshake messages in one record, several records in one datagram
// The server prints READY, and a line for each handshake. The client takes lines from standard
// input: "connect", "exchange METHOD PATH HEX", "end" (close_notify), "resume", and answers each
// with "OK ..." or "ERROR ...". Both end with standard input.

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.cert.CertPath;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.concurrent.TimeUnit;

import org.eclipse.californium.core.CoapResource;
import org.eclipse.californium.core.CoapServer;
import org.eclipse.californium.core.coap.CoAP.Code;
import org.eclipse.californium.core.coap.CoAP.ResponseCode;
import org.eclipse.californium.core.coap.Request;
import org.eclipse.californium.core.coap.Response;
import org.eclipse.californium.core.config.CoapConfig;
import org.eclipse.californium.core.network.CoapEndpoint;
import org.eclipse.californium.core.server.resources.CoapExchange;
import org.eclipse.californium.elements.AddressEndpointContext;
import org.eclipse.californium.elements.RawData;
import org.eclipse.californium.elements.auth.RawPublicKeyIdentity;
import org.eclipse.californium.elements.config.CertificateAuthenticationMode;
import org.eclipse.californium.elements.config.Configuration;
import org.eclipse.californium.scandium.DTLSConnector;
import org.eclipse.californium.scandium.config.DtlsConfig;
import org.eclipse.californium.scandium.config.DtlsConfig.DtlsRole;
import org.eclipse.californium.scandium.config.DtlsConnectorConfig;
import org.eclipse.californium.scandium.dtls.AlertMessage;
import org.eclipse.californium.scandium.dtls.AlertMessage.AlertDescription;
import org.eclipse.californium.scandium.dtls.AlertMessage.AlertLevel;
import org.eclipse.californium.scandium.dtls.CertificateMessage;
import org.eclipse.californium.scandium.dtls.CertificateType;
import org.eclipse.californium.scandium.dtls.CertificateVerificationResult;
import org.eclipse.californium.scandium.dtls.ConnectionId;
import org.eclipse.californium.scandium.dtls.DTLSContext;
import org.eclipse.californium.scandium.dtls.HandshakeException;
import org.eclipse.californium.scandium.dtls.Handshaker;
import org.eclipse.californium.scandium.dtls.SessionAdapter;
import org.eclipse.californium.scandium.dtls.cipher.CipherSuite;
import org.eclipse.californium.scandium.dtls.pskstore.AdvancedSinglePskStore;
import org.eclipse.californium.scandium.dtls.x509.SingleCertificateProvider;
import org.eclipse.californium.scandium.dtls.x509.StaticNewAdvancedCertificateVerifier;
import org.eclipse.californium.scandium.util.ServerNames;

public final class Peer {
	private static final InetSocketAddress ANY = new InetSocketAddress("127.0.0.1", 0);
	/** Makes the connector shake hands; every server ignores it (RFC 7252 §4.3). */
	private static final byte[] EMPTY_NON = { 0x50, 0, 0, 0 };
	/** How the last handshake went: "full", "resumed", or why it failed. */
	private static volatile String lastHandshake = "none";

	public static void main(String[] arguments) throws Exception {
		boolean isServer = arguments[0].equals("server");
		Map<String, String> options = new HashMap<>();
		for (int i = 1; i < arguments.length; i++) {
			int equals = arguments[i].indexOf('=');
			options.put(arguments[i].substring(0, equals), arguments[i].substring(equals + 1));
		}
		CoapConfig.register();
		DtlsConfig.register();
		InetSocketAddress peer = new InetSocketAddress("127.0.0.1", Integer.parseInt(options.get("port")));
		Configuration configuration = configure(isServer, options);
		DTLSConnector connector = new Connector(credentials(isServer, configuration, options)
				.setAddress(isServer ? peer : ANY).build());
		CoapEndpoint endpoint = CoapEndpoint.builder().setConfiguration(configuration).setConnector(connector).build();
		BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
		if (isServer) serve(endpoint, configuration, input);
		else drive(endpoint, connector, peer, input);
		System.exit(0);
	}

	private static Configuration configure(boolean isServer, Map<String, String> options) {
		Configuration configuration = Configuration.createStandardWithoutFile();
		boolean psk = options.containsKey("psk");
		configuration.set(DtlsConfig.DTLS_ROLE, isServer ? DtlsRole.SERVER_ONLY : DtlsRole.CLIENT_ONLY);
		configuration.set(DtlsConfig.DTLS_RECOMMENDED_CIPHER_SUITES_ONLY, false);
		configuration.setAsList(DtlsConfig.DTLS_CIPHER_SUITES, psk ? CipherSuite.TLS_PSK_WITH_AES_128_CCM_8
				: CipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8);
		configuration.set(DtlsConfig.DTLS_RETRANSMISSION_TIMEOUT, 1000, TimeUnit.MILLISECONDS);
		configuration.set(DtlsConfig.DTLS_MAX_RETRANSMISSIONS, 2);
		configuration.set(DtlsConfig.DTLS_USE_SERVER_NAME_INDICATION, false);
		configuration.set(DtlsConfig.DTLS_RECEIVER_THREAD_COUNT, 1);
		configuration.set(DtlsConfig.DTLS_CONNECTOR_THREAD_COUNT, 1);
		if (isServer) {
			configuration.set(DtlsConfig.DTLS_SERVER_USE_SESSION_ID, true);
			// Always with a cookie, in a resumption too.
			configuration.set(DtlsConfig.DTLS_USE_HELLO_VERIFY_REQUEST, true);
			configuration.set(DtlsConfig.DTLS_VERIFY_PEERS_ON_RESUMPTION_THRESHOLD, 0);
			if (!psk) {
				configuration.set(DtlsConfig.DTLS_CLIENT_AUTHENTICATION_MODE, CertificateAuthenticationMode.NEEDED);
			}
		} else {
			configuration.set(DtlsConfig.DTLS_VERIFY_SERVER_CERTIFICATES_SUBJECT, false);
		}
		if (options.containsKey("cid")) {
			configuration.set(DtlsConfig.DTLS_CONNECTION_ID_LENGTH, Integer.parseInt(options.get("cid")));
		}
		if (options.containsKey("pack")) {
			boolean pack = Boolean.parseBoolean(options.get("pack"));
			configuration.set(DtlsConfig.DTLS_USE_MULTI_RECORD_MESSAGES, pack);
			configuration.set(DtlsConfig.DTLS_USE_MULTI_HANDSHAKE_MESSAGE_RECORDS, pack);
		}
		return configuration;
	}

	private static DtlsConnectorConfig.Builder credentials(boolean isServer, Configuration configuration,
			Map<String, String> options) throws Exception {
		DtlsConnectorConfig.Builder builder = DtlsConnectorConfig.builder(configuration);
		if (options.containsKey("psk")) {
			String[] psk = options.get("psk").split(":");
			return builder.setAdvancedPskStore(new AdvancedSinglePskStore(psk[0], HexFormat.of().parseHex(psk[1])));
		}
		KeyFactory keys = KeyFactory.getInstance("EC");
		PrivateKey key = keys.generatePrivate(new PKCS8EncodedKeySpec(bytes(options.get("key"))));
		if (options.containsKey("chain")) {
			Certificate[] chain = certificates(options.get("chain"));
			builder.setCertificateIdentityProvider(new SingleCertificateProvider(key, chain, CertificateType.X_509));
			builder.setAdvancedCertificateVerifier(isServer
					? StaticNewAdvancedCertificateVerifier.builder()
							.setTrustedCertificates(certificates(options.get("trust"))).build()
					: new PinnedVerifier(publicKey(keys, options.get("trust"))));
		} else {
			builder.setCertificateIdentityProvider(
					new SingleCertificateProvider(key, publicKey(keys, options.get("public"))));
			builder.setAdvancedCertificateVerifier(StaticNewAdvancedCertificateVerifier.builder()
					.setTrustedRPKs(new RawPublicKeyIdentity(publicKey(keys, options.get("trust")))).build());
		}
		return builder;
	}

	private static PublicKey publicKey(KeyFactory keys, String file) throws Exception {
		return keys.generatePublic(new X509EncodedKeySpec(bytes(file)));
	}

	private static byte[] bytes(String file) throws Exception {
		return Files.readAllBytes(Path.of(file));
	}

	private static Certificate[] certificates(String file) throws Exception {
		try (var in = Files.newInputStream(Path.of(file))) {
			return CertificateFactory.getInstance("X.509").generateCertificates(in).toArray(new Certificate[0]);
		}
	}

	// ---- server -------------------------------------------------------------------------------

	private static void serve(CoapEndpoint endpoint, Configuration configuration, BufferedReader input)
			throws Exception {
		CoapServer server = new CoapServer(configuration);
		server.addEndpoint(endpoint);
		server.add(new CoapResource("echo") {
			@Override
			public void handlePOST(CoapExchange exchange) {
				System.out.println("POST " + HexFormat.of().formatHex(exchange.getRequestPayload()) + " from "
						+ exchange.getSourcePort());
				exchange.respond(ResponseCode.CHANGED, exchange.getRequestPayload());
			}
		}, new CoapResource("hello") {
			@Override
			public void handleGET(CoapExchange exchange) {
				exchange.respond(ResponseCode.CONTENT, "hello");
			}
		});
		server.start();
		System.out.println("READY");
		while (input.readLine() != null) { /* until it ends */ }
	}

	// ---- client -------------------------------------------------------------------------------

	private static void drive(CoapEndpoint endpoint, DTLSConnector connector, InetSocketAddress peer,
			BufferedReader input) throws Exception {
		endpoint.start();
		System.out.println("READY");
		for (String line = input.readLine(); line != null; line = input.readLine()) {
			String[] words = line.split(" ", -1);
			switch (words[0]) {
			case "end":
				connector.close(peer);
				Thread.sleep(200);
				System.out.println("OK ended");
				break;
			case "connect":
			case "resume":
				lastHandshake = "none";
				connector.send(RawData.outbound(EMPTY_NON, new AddressEndpointContext(peer), null, false));
				for (int i = 0; i < 100 && lastHandshake.equals("none"); i++) Thread.sleep(100);
				boolean done = lastHandshake.equals("full") || lastHandshake.equals("resumed");
				System.out.println((done ? "OK " : "ERROR ") + lastHandshake);
				break;
			case "exchange":
				System.out.println(exchange(endpoint, peer, words[1], words[2], words[3]));
				break;
			default:
				System.out.println("ERROR no such command");
			}
		}
	}

	private static String exchange(CoapEndpoint endpoint, InetSocketAddress peer, String method, String path,
			String payload) throws Exception {
		Request request = new Request(Code.valueOf(method));
		request.setURI("coaps://127.0.0.1:" + peer.getPort() + "/" + path);
		if (!payload.isEmpty()) request.setPayload(HexFormat.of().parseHex(payload));
		request.send(endpoint);
		Response response = request.waitForResponse(10000);
		if (request.isRejected()) return "OK reset ";
		if (response == null) return "ERROR no response";
		return "OK " + response.getCode().text + " " + HexFormat.of().formatHex(response.getPayload());
	}

	/** Accepts a chain whose leaf holds one key, whoever signed it. */
	private static final class PinnedVerifier extends StaticNewAdvancedCertificateVerifier {
		private final PublicKey pinned;

		PinnedVerifier(PublicKey pinned) {
			super(new X509Certificate[0], null, null);
			this.pinned = pinned;
		}

		@Override
		public CertificateVerificationResult verifyCertificate(ConnectionId cid, ServerNames serverNames,
				InetSocketAddress peer, boolean clientUsage, boolean verifySubject, boolean truncate,
				CertificateMessage message) {
			CertPath chain = message.getCertificateChain();
			if (chain.getCertificates().get(0).getPublicKey().equals(pinned)) {
				return new CertificateVerificationResult(cid, chain, null);
			}
			AlertMessage alert = new AlertMessage(AlertLevel.FATAL, AlertDescription.BAD_CERTIFICATE);
			return new CertificateVerificationResult(cid, new HandshakeException("another key", alert), null);
		}
	}

	/** A connector that says how each handshake went. */
	private static final class Connector extends DTLSConnector {
		Connector(DtlsConnectorConfig configuration) {
			super(configuration);
		}

		@Override
		protected void onInitializeHandshaker(Handshaker handshaker) {
			handshaker.addSessionListener(new SessionAdapter() {
				@Override
				public void contextEstablished(Handshaker of, DTLSContext context) throws HandshakeException {
					lastHandshake = of.isFullHandshake() ? "full" : "resumed";
					System.out.println("HANDSHAKE " + lastHandshake + " write-cid " + context.getWriteConnectionId()
							+ " ems " + context.getSession().useExtendedMasterSecret());
				}

				@Override
				public void handshakeFailed(Handshaker of, Throwable error) {
					lastHandshake = error.toString();
					System.out.println("HANDSHAKE failed: " + error);
				}
			});
		}
	}
}
