import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.List;

import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.core.CheckedFunction;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.xcontent.NamedXContentRegistry;
import org.elasticsearch.xcontent.NamedXContentRegistry.Entry;
import org.elasticsearch.xcontent.ParseField;
import org.elasticsearch.xcontent.XContentParser;
import org.elasticsearch.xcontent.XContentParserConfiguration;
import org.elasticsearch.xcontent.json.JsonXContent;
import org.elasticsearch.xpack.core.ilm.DeleteAction;
import org.elasticsearch.xpack.core.ilm.LifecycleAction;
import org.elasticsearch.xpack.core.ilm.LifecyclePolicy;
import org.elasticsearch.xpack.core.ilm.LifecycleType;
import org.elasticsearch.xpack.core.ilm.RolloverAction;
import org.elasticsearch.xpack.core.ilm.TimeseriesLifecycleType;
import org.elasticsearch.xpack.core.ilm.action.PutLifecycleRequest;

/** Reads a body of PUT _ilm/policy a line, and answers a line: "accepted", or "refused: " and Elasticsearch's reason. */
public final class LifecyclePolicies {
    private static final XContentParserConfiguration PARSING = XContentParserConfiguration.EMPTY.withRegistry(
        new NamedXContentRegistry(List.of(
            new Entry(LifecycleType.class, new ParseField(TimeseriesLifecycleType.TYPE), p -> TimeseriesLifecycleType.INSTANCE),
            action(RolloverAction.NAME, RolloverAction::parse),
            action(DeleteAction.NAME, DeleteAction::parse)  // an action that the templates begin to use belongs here
        ))
    );

    public static void main(String[] args) throws IOException {
        LogConfigurator.configureESLogging();  // 9.x fails without, as soon as a value is wrong
        var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            System.out.println(verdict(line).replace('\n', ' '));
        }
    }

    private static Entry action(String name, CheckedFunction<XContentParser, LifecycleAction, IOException> parse) {
        return new Entry(LifecycleAction.class, new ParseField(name), parse);
    }

    private static String verdict(String body) {
        try (XContentParser parser = JsonXContent.jsonXContent.createParser(PARSING, body)) {
            Exception wrong = PutLifecycleRequest.parseRequest(new Named(), parser).validate();
            return wrong == null ? "accepted" : "refused: " + wrong.getMessage();
        } catch (Exception e) {
            var reasons = new StringBuilder("refused");
            for (Throwable t = e; t != null; t = t.getCause()) {
                reasons.append(": ").append(t.getMessage());
            }
            return reasons.toString();
        }
    }

    /** What the REST handler adds to a body: the name in the path, and timeouts. */
    private static final class Named implements PutLifecycleRequest.Factory {
        @Override
        public String getPolicyName() {
            return "policy";
        }

        @Override
        public PutLifecycleRequest create(LifecyclePolicy policy) {
            return new PutLifecycleRequest(TimeValue.ZERO, TimeValue.ZERO, policy);
        }
    }
}
