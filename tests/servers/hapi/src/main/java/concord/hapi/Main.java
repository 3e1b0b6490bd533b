package concord.hapi;

import ca.uhn.fhir.rest.server.RestfulServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;

/**
 * Serves on the loopback port given as the argument (0 for a free one), says {@code ready PORT} on
 * standard output, and ends when standard input is closed: it never outlives who started it.
 * A second argument names a file for the database, that is then found again after a kill.
 */
public final class Main {

  private Main() {}

  public static void main(String[] arguments) throws Exception {
    int port = Integer.parseInt(arguments[0]);
    if (arguments.length > 1) {
      System.setProperty(Configuration.FILE, arguments[1]);
    }
    AnnotationConfigApplicationContext beans =
        new AnnotationConfigApplicationContext(Configuration.class);
    Server server = new Server(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
    ServletContextHandler context = new ServletContextHandler();
    context.addServlet(new ServletHolder(beans.getBean(RestfulServer.class)), "/fhir/*");
    server.setHandler(context);
    server.start();
    System.out.println("ready " + server.getURI().getPort());
    System.out.flush();
    System.in.transferTo(java.io.OutputStream.nullOutputStream());
    System.exit(0);
  }
}
