package toolkit.tests;

import java.util.Map;
import java.util.Set;

import org.elasticsearch.features.FeatureSpecification;
import org.elasticsearch.features.NodeFeature;
import org.elasticsearch.index.mapper.Mapper;
import org.elasticsearch.index.mapper.TextFieldMapper;
import org.elasticsearch.plugins.MapperPlugin;
import org.elasticsearch.plugins.Plugin;

/**
 * Wakes the failure store, which is in Elasticsearch's core, of a distribution without the modules data-streams and
 * mapper-extras: it says that every node has the feature, as the one does, and knows the one field type of the other's
 * that failure stores use, as plain text.
 */
public final class FailureStore extends Plugin implements MapperPlugin {
    @Override
    public Map<String, Mapper.TypeParser> getMappers() {
        return Map.of("match_only_text", TextFieldMapper.PARSER);
    }

    public static final class Features implements FeatureSpecification {
        @Override
        public Set<NodeFeature> getFeatures() {
            return Set.of(new NodeFeature("data_stream.failure_store"), new NodeFeature("data_stream.rollover.lazy"));
        }
    }
}
