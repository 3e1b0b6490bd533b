package concord.validator;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.SingleValidationMessage;
import ca.uhn.fhir.validation.ValidationOptions;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.NpmPackageValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.SnapshotGeneratingValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.UnknownCodeSystemWarningValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;

/**
 * One line in, one line out: {@code {"profiles": [...], "resource": {...}}} gives {@code [{"severity",
 * "location", "message", "id"}]}, until standard input ends.
 *
 * <p>The arguments are packages of implementation guides, as found on the class path. Codes of code
 * systems that neither R4 nor these packages define are not judged.
 */
public final class Main {

  private Main() {}

  public static void main(String[] packages) throws IOException {
    ObjectMapper json =
        new ObjectMapper()
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .setNodeFactory(JsonNodeFactory.withExactBigDecimals(true));
    FhirValidator validator = validator(packages);
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      JsonNode asked = json.readTree(line);
      ValidationOptions options = new ValidationOptions();
      asked.path("profiles").forEach(profile -> options.addProfile(profile.asText()));
      ArrayNode told = json.createArrayNode();
      String resource = json.writeValueAsString(asked.path("resource"));
      for (SingleValidationMessage issue :
          validator.validateWithResult(resource, options).getMessages()) {
        ObjectNode one = told.addObject();
        one.put("severity", issue.getSeverity().getCode());
        one.put("location", issue.getLocationString());
        one.put("message", issue.getMessage());
        one.put("id", issue.getMessageId());
      }
      out.println(json.writeValueAsString(told));
    }
  }

  private static FhirValidator validator(String[] packages) throws IOException {
    FhirContext fhir = FhirContext.forR4();
    NpmPackageValidationSupport guides = new NpmPackageValidationSupport(fhir);
    for (String name : packages) {
      guides.loadPackageFromClasspath("classpath:" + name);
    }
    UnknownCodeSystemWarningValidationSupport unknown =
        new UnknownCodeSystemWarningValidationSupport(fhir);
    unknown.setNonExistentCodeSystemSeverity(IValidationSupport.IssueSeverity.WARNING);
    ValidationSupportChain known =
        new ValidationSupportChain(
            guides,
            new DefaultProfileValidationSupport(fhir),
            new CommonCodeSystemsTerminologyService(fhir),
            new InMemoryTerminologyServerValidationSupport(fhir),
            new SnapshotGeneratingValidationSupport(fhir),
            unknown);
    FhirInstanceValidator instances = new FhirInstanceValidator(known);
    instances.setAssumeValidRestReferences(true);
    FhirValidator validator = fhir.newValidator();
    validator.registerValidatorModule(instances);
    return validator;
  }
}
